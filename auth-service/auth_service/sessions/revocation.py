"""Sessions revoked by their person: by logout, one from the list, or all others."""

from datetime import datetime, timedelta

from servicekit.errors import NotFound
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.sessions import families
from auth_service.sessions.models import SessionFamily


async def revoke_by_token(session: AsyncSession, token: str, *, now: datetime) -> None:
    """Log out by a refresh token of any generation; ending an ended session succeeds.

    Raises:
        Unauthenticated: `refresh_invalid`, it is not a token of ours.
    """
    family, _ = await families.by_token(session, token)
    if family.ended_at is None:
        families.end(session, family, reason="logout", now=now)
        families.record(session, "session.logout", family)


async def revoke_own(session: AsyncSession, *, user_id: str, family_id: str, reason: str, now: datetime) -> None:
    """End one session of a person; ending an ended one succeeds.

    Raises:
        NotFound: it is not among the person's sessions.
    """
    family = await families.lock(session, family_id)
    if family is None or family.user_id != user_id:
        raise NotFound("There is no such session among yours.")
    if family.ended_at is None:
        families.end(session, family, reason=reason, now=now)
        families.record(session, "session.logout" if reason == "logout" else "session.end", family)


async def revoke_others(
    session: AsyncSession, *, user_id: str, kept_family_id: str, reason: str, idle: timedelta, now: datetime
) -> int:
    """End every live session of a person but one; how many there were."""
    others = (
        select(SessionFamily)
        .where(
            SessionFamily.user_id == user_id,
            SessionFamily.id != kept_family_id,
            SessionFamily.ended_at.is_(None),
        )
        .order_by(SessionFamily.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = list(await session.scalars(others))
    for family in found:
        families.end(session, family, reason=reason, now=now)
        families.record(session, "session.end", family)
    return sum(not family.is_expired(idle=idle, now=now) for family in found)
