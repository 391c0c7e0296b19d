"""Families as rows: finding one by its token, locking, ending and purging them, and the three refusals."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from servicekit import audit
from servicekit.errors import Unauthenticated
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.live_records import outbox
from auth_service.sessions import refresh_tokens
from auth_service.sessions.models import RefreshToken, SessionFamily

KEPT_AFTER_EXPIRY = timedelta(days=7)
PURGE_BATCH = 200


async def by_token(session: AsyncSession, token: str) -> tuple[SessionFamily, int]:
    """Lock the family of a refresh token; with it the token's generation.

    Raises:
        Unauthenticated: `refresh_invalid`, it is not a token of ours.
    """
    presented = refresh_tokens.parse(token)
    if presented is None:
        raise invalid()
    family = await lock(session, presented.family_id)
    if family is None or not 0 <= presented.generation <= family.generation:
        raise invalid()
    stored_hash = await session.scalar(
        select(RefreshToken.token_hash).where(
            RefreshToken.family_id == family.id, RefreshToken.generation == presented.generation
        ),
    )
    # Family ids are in every access token: only the hash tells ours from a forgery, which must change nothing.
    if stored_hash is None or not hmac.compare_digest(bytes(stored_hash), presented.token_hash):
        raise invalid()
    return family, presented.generation


async def lock(session: AsyncSession, family_id: str) -> SessionFamily | None:
    """Lock a family; every later change to it waits until this transaction ends."""
    locked = select(SessionFamily).where(SessionFamily.id == family_id).with_for_update()
    found: SessionFamily | None = await session.scalar(locked.execution_options(populate_existing=True))
    return found


def end(session: AsyncSession, family: SessionFamily, *, reason: str, now: datetime) -> None:
    """End a locked family; its record is published after the commit."""
    family.ended_at = now
    family.ended_reason = reason
    family.version += 1
    outbox.announce(session, [family.id], now=now)


async def announceable_ids(session: AsyncSession, *, user_id: str, now: datetime) -> Sequence[str]:
    """The families of a person whose live records may say that they are live."""
    families = select(SessionFamily.id).where(
        SessionFamily.user_id == user_id,
        SessionFamily.ended_at.is_(None),
        SessionFamily.expires_at > now,
    )
    return list(await session.scalars(families))


async def purge(session: AsyncSession, *, now: datetime) -> int:
    """Delete up to 200 families that expired more than a week ago, with their tokens; how many there were."""
    expired_ids = (
        select(SessionFamily.id)
        .where(SessionFamily.expires_at < now - KEPT_AFTER_EXPIRY)
        .order_by(SessionFamily.expires_at)
        .limit(PURGE_BATCH)
    )
    ids = list(await session.scalars(expired_ids))
    if ids:
        await session.execute(delete(RefreshToken).where(RefreshToken.family_id.in_(ids)))
        await session.execute(delete(SessionFamily).where(SessionFamily.id.in_(ids)))
    return len(ids)


def record(session: AsyncSession, action: str, family: SessionFamily, *, generation: int | None = None) -> None:
    """Leave an audit row about a family."""
    detail: dict[str, str | int | None] = {"user_id": family.user_id, "reason": family.ended_reason}
    if generation is not None:
        detail |= {"generation": generation, "newest": family.generation}
    audit.record(
        session,
        action=action,
        object_type="session",
        object_id=family.id,
        workspace_id=family.last_workspace_id,
        detail=detail,
    )


def invalid() -> Unauthenticated:
    """The token is not one of a live session."""
    return Unauthenticated("This refresh token is not valid; sign in again.", reason="refresh_invalid")


def expired() -> Unauthenticated:
    """The family is past one of its limits."""
    return Unauthenticated("This session has expired; sign in again.", reason="refresh_expired")


def reused() -> Unauthenticated:
    """The family was ended because two held a token of it."""
    return Unauthenticated(
        "A refresh token of this session was used twice, so the session was ended; sign in again.",
        reason="refresh_reused",
    )
