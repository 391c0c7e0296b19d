"""A repeated POST does its work once: key, change and answer commit in one transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.auth.identity import Actor
from servicekit.db import Contended, Database
from servicekit.db.kit_tables import KitTable
from servicekit.db.schema import Digest, Id, LongBytes, UtcDateTime, now
from servicekit.errors import Aborted, InvalidArgument
from servicekit.rpc.call import Call, current_call

R = TypeVar("R", bound=Message)

KEPT_FOR = timedelta(hours=24)
PURGE_BATCH = 500


class IdempotencyKey(KitTable):
    """A key that was used, and the answer it got. A committed row always has its answer.

    `id` is the SHA-256 over workspace, actor, RPC and key: short, and of one length whatever the key.
    """

    __tablename__ = "idempotency_keys"

    id: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    request_hash: Mapped[bytes] = mapped_column(Digest)
    response: Mapped[bytes | None] = mapped_column(LongBytes)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


async def once(
    database: Database,
    response_type: type[R],
    unit: Callable[[AsyncSession], Awaitable[R]],
    *,
    stored: Callable[[R], R] | None = None,
) -> R:
    """Run `unit` in a write transaction, at most once for each idempotency key of its caller.

    A repeat gets the stored answer; one that overlaps waits for the first. Only a success is stored, so what
    failed may be tried again under its key. A call without a key, or without an actor to whom the key could
    belong, is a plain `database.write`.

    Args:
        database: where the service's `idempotency_keys` are.
        response_type: the message class of the answer, to read a stored one.
        unit: does the work and gives the answer.
        stored: makes what to store of the answer, when that holds a secret that is shown only once.

    Raises:
        InvalidArgument: `idempotency_mismatch`, the key was used for another request.
        Aborted: `in_progress`, the first is still at work after all tries.
        Unavailable: as `Database.write`.
    """
    call = current_call()
    if call.idempotency_key is None or call.identity is None:
        return await database.write(unit)
    claim = _Claim(call, call.idempotency_key, call.identity)

    async def claimed(session: AsyncSession) -> R:
        answer = await claim.take(session)
        if answer is not None:
            return response_type.FromString(answer)
        response = await unit(session)
        await claim.keep(session, (stored(response) if stored else response).SerializeToString())
        return response

    try:
        response = await database.write(claimed)
    except Contended as error:
        if claim.is_waiting:
            raise _in_progress() from error
        raise
    if claim.is_replay:
        call.mark_replayed()
    return response


def _in_progress() -> Aborted:
    return Aborted(
        "The first request with this Idempotency-Key is still at work; repeat it in a moment.",
        reason="in_progress",
        retry_after_seconds=1.0,
    )


async def purge(session: AsyncSession, *, limit: int = PURGE_BATCH) -> int:
    """Delete at most `limit` expired keys and say how many; call it again while it is as many as that."""
    expired = (
        select(IdempotencyKey.id)
        .where(IdempotencyKey.expires_at < now())
        .order_by(IdempotencyKey.expires_at)
        .limit(limit)
        .execution_options(all_workspaces="what is expired is so in every workspace")
    )
    ids = list(await session.scalars(expired))
    if ids:
        await session.execute(
            delete(IdempotencyKey)
            # Once more by age: an expired key may have been taken anew since it was found.
            .where(IdempotencyKey.id.in_(ids), IdempotencyKey.expires_at < now())
            .execution_options(all_workspaces="the keys just found"),
        )
    return len(ids)


class _Claim:
    """One call's hold on its key, over the tries of its transaction."""

    def __init__(self, call: Call, key: str, actor: Actor) -> None:
        scope = f"{actor.workspace_id}\0{actor.kind}\0{actor.id}\0{call.method}\0{key}"
        self._id = hashlib.sha256(scope.encode()).digest()
        self._workspace_id = actor.workspace_id
        # The hash comes from the gateway, as hex; hashing it again makes 32 bytes of whatever a caller sends.
        self._request_hash = hashlib.sha256((call.request_hash or "").encode()).digest()
        self.is_waiting = False
        self.is_replay = False

    async def take(self, session: AsyncSession) -> bytes | None:
        """Insert the key, or give the answer that is stored under it."""
        self.is_replay = False
        if await self._insert(session):
            return None
        # The insert has waited for whoever held the key; here it has committed.
        row = (await session.execute(self._row())).one_or_none()
        if row is not None and row.expires_at >= now():
            if row.request_hash != self._request_hash:
                raise InvalidArgument(
                    "This Idempotency-Key was used for another request; use a new one.",
                    reason="idempotency_mismatch",
                )
            self.is_replay = True
            return bytes(row.response)
        # Expired (or purged just now): begin anew.
        await session.execute(delete(IdempotencyKey).where(*self._mine()))
        await session.execute(insert(IdempotencyKey).values(self._values()))
        return None

    async def keep(self, session: AsyncSession, response: bytes) -> None:
        """Store the answer, to be committed with the change."""
        await session.execute(update(IdempotencyKey).where(*self._mine()).values(response=response))

    async def _insert(self, session: AsyncSession) -> bool:
        # Left True by a lock wait or deadlock here, which ends this try.
        self.is_waiting = True
        try:
            # A statement that failed on its key does not end the transaction, on neither database.
            await session.execute(insert(IdempotencyKey).values(self._values()))
        except IntegrityError:
            self.is_waiting = False
            return False
        self.is_waiting = False
        return True

    def _values(self) -> dict[str, object]:
        return {
            "id": self._id,
            "workspace_id": self._workspace_id,
            "request_hash": self._request_hash,
            "expires_at": now() + KEPT_FOR,
        }

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (IdempotencyKey.workspace_id == self._workspace_id, IdempotencyKey.id == self._id)

    def _row(self) -> Select[bytes, bytes | None, datetime]:
        return select(IdempotencyKey.request_hash, IdempotencyKey.response, IdempotencyKey.expires_at).where(
            *self._mine()
        )
