"""API keys: made, listed, rotated and revoked by people."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicekit import audit
from servicekit.auth.identity import Actor, Role
from servicekit.errors import NotFound, PermissionDenied
from servicekit.ids import new_id
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys import quota, restrictions, secrets
from auth_service.api_keys.exchange import not_valid
from auth_service.api_keys.models import NAME_MAX_CHARS, ApiKey
from auth_service.api_keys.restrictions import KeyRestrictions
from auth_service.live_records import outbox
from auth_service.memberships import rules as memberships
from auth_service.validation import check_name, clean_name, refuse


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
        FailedPrecondition: `quota_exceeded`, the person has a hundred live keys.
    """
    cleaned, asked = _check_request(name, scopes=scopes, expires_at=expires_at, allowed_ips=allowed_ips, now=now)
    await _check_within_own(session, actor, asked, now=now)
    await memberships.check_member(session, workspace_id=actor.workspace_id, user_id=actor.user_id)
    await quota.check_room(session, user_id=actor.user_id, now=now)
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
) -> tuple[str, KeyRestrictions]:
    cleaned = clean_name(name)
    asked, violations = restrictions.check(scopes=scopes, expires_at=expires_at, allowed_ips=allowed_ips, now=now)
    refuse(check_name(cleaned, pointer="/name", max_chars=NAME_MAX_CHARS) + violations)
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
    own = KeyRestrictions(tuple(key.scopes), key.expires_at, tuple(key.allowed_ips))
    if key.id != actor.id:
        await _check_within_own(session, actor, own, now=now)
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
    _mark_revoked(session, [key], now=now)
    _record(session, "api_key.revoke", key, actor)


async def revoke_all_of(session: AsyncSession, *, workspace_id: str, user_id: str, now: datetime) -> None:
    """End every key of a person in a workspace for good."""
    unrevoked = (
        select(ApiKey)
        .where(ApiKey.workspace_id == workspace_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id)
        .with_for_update()
    )
    _mark_revoked(session, list(await session.scalars(unrevoked)), now=now)


async def announceable_ids(session: AsyncSession, *, user_id: str) -> Sequence[str]:
    """The keys of a person whose live records may say that they are live."""
    keys = (
        select(ApiKey.id)
        .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .execution_options(all_workspaces="one person's keys lie across workspaces")
    )
    return list(await session.scalars(keys))


def _mark_revoked(session: AsyncSession, keys: Sequence[ApiKey], *, now: datetime) -> None:
    for key in keys:
        key.revoked_at = now
        key.version += 1
        key.row_version += 1
    outbox.announce(session, [key.id for key in keys], now=now)


async def _locked(session: AsyncSession, actor: Actor, key_id: str) -> ApiKey:
    key: ApiKey | None = await session.scalar(
        visible_to(actor).where(ApiKey.id == key_id).with_for_update().execution_options(populate_existing=True),
    )
    if key is None:
        raise NotFound("There is no such API key.")
    return key


async def _check_within_own(session: AsyncSession, actor: Actor, asked: KeyRestrictions, *, now: datetime) -> None:
    if actor.kind != "api_key":
        return
    own = await session.scalar(
        select(ApiKey).where(ApiKey.workspace_id == actor.workspace_id, ApiKey.id == actor.id),
    )
    # Its access token outlives it by up to ten minutes; what it makes would live on for good.
    if own is None or not own.is_live(now=now):
        raise not_valid()
    restrictions.check_within(asked, own)


def _record(session: AsyncSession, action: str, key: ApiKey, actor: Actor) -> None:
    audit.record(
        session,
        action=action,
        object_type="api_key",
        object_id=key.id,
        actor=actor,
        detail={"name": key.name, "scopes": [*key.scopes], "user_id": key.user_id},
    )
