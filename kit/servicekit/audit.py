"""Who did what to which object: a row in the transaction of the change, sealed into a chain later."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.auth.identity import Actor
from servicekit.db.kit_tables import KitTable
from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime, now
from servicekit.ids import new_id
from servicekit.json_types import JsonValue
from servicekit.rpc.call import current_call


class AuditEvent(KitTable):
    """One action. `chain_seq` and `mac` are empty until the sealer has put it into the service's chain.

    `workspace_id` is empty for what happens outside any workspace, such as a failed login.
    """

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str | None] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str | None] = mapped_column(Name(16))
    actor_id: Mapped[str | None] = mapped_column(Id)
    actor_name: Mapped[str | None] = mapped_column(LongText)
    action: Mapped[str] = mapped_column(Name(64))
    object_type: Mapped[str] = mapped_column(Name(64))
    object_id: Mapped[str] = mapped_column(Name(200))
    detail: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    request_id: Mapped[str] = mapped_column(Name(128))
    client_ip: Mapped[str] = mapped_column(Name(64))
    chain_seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    mac: Mapped[bytes | None] = mapped_column(Digest)


def record(
    session: AsyncSession,
    *,
    action: str,
    object_type: str,
    object_id: str,
    actor: Actor | None = None,
    workspace_id: str | None = None,
    detail: Mapping[str, JsonValue] | None = None,
) -> AuditEvent:
    """Add an audit row, which commits or rolls back with the change it speaks of.

    Args:
        session: of the transaction that makes the change.
        action: noun and verb, `prompt.create`.
        object_type: the noun, `prompt`.
        object_id: which one.
        actor: who did it; by default the caller of the current RPC, or nobody.
        workspace_id: where; by default the actor's workspace.
        detail: what else matters, JSON; never prompts, tokens or passwords.

    Raises:
        LookupError: outside an RPC. Background work enters a `Call` of its own.
    """
    call = current_call()
    who = actor or call.identity
    event = AuditEvent(
        id=new_id(),
        workspace_id=workspace_id or (who.workspace_id if who else None),
        at=now(),
        actor_kind=who.kind if who else None,
        actor_id=who.id if who else None,
        actor_name=who.name if who else None,
        action=action,
        object_type=object_type,
        object_id=object_id,
        detail=dict(detail) if detail is not None else None,
        request_id=call.request_id,
        client_ip=call.client_ip,
    )
    session.add(event)
    return event
