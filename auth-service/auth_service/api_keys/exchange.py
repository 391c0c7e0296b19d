"""Exchanging the secret of an API key for an access token, as the gateway does for its holder."""

from dataclasses import dataclass
from datetime import datetime

from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys import secrets
from auth_service.api_keys.models import ApiKey
from auth_service.memberships import rules as memberships
from auth_service.users.models import User


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Whom a valid secret stands for.

    Attributes:
        key: its row.
        actor: as the access token will say: the creator's current role, the key's scopes.
        record_version: of the key's live record at this moment.
        is_use_unrecorded: this minute is not in `last_used_at` yet.
    """

    key: ApiKey
    actor: Actor
    record_version: int
    is_use_unrecorded: bool


async def exchange(session: AsyncSession, secret: str, *, now: datetime) -> Exchanged:
    """Whom a secret stands for; only reads.

    Raises:
        Unauthenticated: it is unknown, revoked or expired, or its creator is no member any more.
    """
    found = await session.execute(
        select(ApiKey, User.roles_version)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.secret_hash == secrets.hash_of(secret))
        .execution_options(all_workspaces="the secret alone names the key, and with it the workspace"),
    )
    row = found.one_or_none()
    if row is None or not row[0].is_live(now=now):
        raise not_valid()
    key, roles_version = row
    membership = await memberships.find(session, workspace_id=key.workspace_id, user_id=key.user_id)
    if membership is None:
        raise not_valid()
    actor = Actor(
        kind="api_key",
        id=key.id,
        user_id=key.user_id,
        name=key.name,
        workspace_id=key.workspace_id,
        role=membership.role,
        session_id=key.id,
        scopes=frozenset(key.scopes),
    )
    return Exchanged(key, actor, key.version + roles_version, key.last_used_at != _minute_of(now))


async def record_use(session: AsyncSession, key: ApiKey, *, now: datetime) -> None:
    """Note the minute of an exchange; it is no change of the key, so its row version stays."""
    await session.execute(
        update(ApiKey)
        .where(ApiKey.workspace_id == key.workspace_id, ApiKey.id == key.id)
        .values(last_used_at=_minute_of(now)),
    )


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def not_valid() -> Unauthenticated:
    """The key or its secret opens nothing; why is not for the caller to know."""
    return Unauthenticated("This API key is not valid, or was revoked or has expired.")
