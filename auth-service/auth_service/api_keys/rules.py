"""API keys: made, listed, rotated and revoked by people; exchanged by the gateway for access tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from servicekit import audit
from servicekit.auth.identity import Actor, Role
from servicekit.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated, Violation
from servicekit.ids import new_id
from servicekit.normal_form import nfc
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.models import User
from auth_service.accounts.rules import has_unseen
from auth_service.api_keys import limits, secrets
from auth_service.api_keys.limits import KeyLimits
from auth_service.api_keys.models import NAME_MAX_CHARS, ApiKey
from auth_service.sessions import outbox
from auth_service.workspaces import rules as workspaces


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


def visible_to(actor: Actor) -> Select[ApiKey]:
    """The keys that a caller may see in the workspace: their own, an admin all; for a page."""
    keys = select(ApiKey).where(ApiKey.workspace_id == actor.workspace_id, ApiKey.revoked_at.is_(None))
    return keys if actor.role is Role.ADMIN else keys.where(ApiKey.user_id == actor.user_id)


async def create(
    session: AsyncSession,
    actor: Actor,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None,
    allowed_ips: Iterable[str],
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key that acts as the caller in this workspace; the key and its secret.

    Raises:
        InvalidArgument: with every field that is wrong.
        PermissionDenied: the caller is a key and would give more than it has, or is no member any more.
    """
    cleaned, asked = _check_request(name, scopes=scopes, expires_at=expires_at, allowed_ips=allowed_ips, now=now)
    await _check_within_own(session, actor, asked, now=now)
    await workspaces.check_member(session, workspace_id=actor.workspace_id, user_id=actor.user_id)
    secret = secrets.make()
    key = ApiKey(
        id=new_id(),
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        name=cleaned,
        prefix=secrets.prefix_of(secret),
        secret_hash=secrets.hash_of(secret),
        scopes=list(asked.scopes),
        allowed_ips=list(asked.allowed_ips),
        expires_at=expires_at,
        created_at=now,
        last_used_at=None,
        revoked_at=None,
        version=1,
        row_version=1,
    )
    session.add(key)
    await session.flush()
    _record(session, "api_key.create", key, actor)
    return key, secret


def _check_request(
    name: str, *, scopes: Iterable[str], expires_at: datetime | None, allowed_ips: Iterable[str], now: datetime
) -> tuple[str, KeyLimits]:
    cleaned = nfc(name).strip()
    asked, violations = limits.check(scopes=scopes, expires_at=expires_at, allowed_ips=allowed_ips, now=now)
    if not 1 <= len(cleaned) <= NAME_MAX_CHARS:
        violations.insert(0, Violation("/name", f"must have 1 to {NAME_MAX_CHARS} characters"))
    elif has_unseen(cleaned, categories={"Cc"}):
        violations.insert(0, Violation("/name", "must not contain control characters"))
    if violations:
        first = violations[0]
        raise InvalidArgument(f"{first.pointer.split('/')[1]} {first.message}.", violations=violations)
    return cleaned, asked


async def rotate(session: AsyncSession, actor: Actor, *, key_id: str, now: datetime) -> tuple[ApiKey, str]:
    """Give one's own key a new secret; the old one stops at once.

    Raises:
        NotFound: no such key that the caller may see.
        PermissionDenied: it is somebody else's, in whose name its secret would speak; or it may do more than the
            key that asks.
    """
    key = await _locked(session, actor, key_id)
    if key.user_id != actor.user_id:
        raise PermissionDenied("Only the person a key acts as can rotate it; revoke it instead.")
    own_limits = KeyLimits(tuple(key.scopes), key.expires_at, tuple(key.allowed_ips))
    if key.id != actor.id:
        await _check_within_own(session, actor, own_limits, now=now)
    secret = secrets.make()
    key.prefix = secrets.prefix_of(secret)
    key.secret_hash = secrets.hash_of(secret)
    key.version += 1
    key.row_version += 1
    outbox.announce(session, [key.id], now=now)
    _record(session, "api_key.rotate", key, actor)
    return key, secret


async def revoke(session: AsyncSession, actor: Actor, *, key_id: str, now: datetime) -> None:
    """End a key for good: one's own, an admin any of the workspace.

    Raises:
        NotFound: no such key that the caller may see.
    """
    key = await _locked(session, actor, key_id)
    key.revoked_at = now
    key.version += 1
    key.row_version += 1
    outbox.announce(session, [key.id], now=now)
    _record(session, "api_key.revoke", key, actor)


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
        raise _not_valid()
    key, roles_version = row
    membership = await workspaces.find(session, workspace_id=key.workspace_id, user_id=key.user_id)
    if membership is None:
        raise _not_valid()
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


async def _locked(session: AsyncSession, actor: Actor, key_id: str) -> ApiKey:
    key: ApiKey | None = await session.scalar(
        visible_to(actor).where(ApiKey.id == key_id).with_for_update().execution_options(populate_existing=True),
    )
    if key is None:
        raise NotFound("There is no such API key.")
    return key


async def _check_within_own(session: AsyncSession, actor: Actor, asked: KeyLimits, *, now: datetime) -> None:
    if actor.kind != "api_key":
        return
    own = await session.scalar(
        select(ApiKey).where(ApiKey.workspace_id == actor.workspace_id, ApiKey.id == actor.id),
    )
    # Its access token outlives it by up to ten minutes; what it makes would live on for good.
    if own is None or not own.is_live(now=now):
        raise _not_valid()
    limits.check_within(asked, own)


def _record(session: AsyncSession, action: str, key: ApiKey, actor: Actor) -> None:
    audit.record(
        session,
        action=action,
        object_type="api_key",
        object_id=key.id,
        actor=actor,
        detail={"name": key.name, "scopes": [*key.scopes], "user_id": key.user_id},
    )


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _not_valid() -> Unauthenticated:
    return Unauthenticated("This API key is not valid, or was revoked or has expired.")
