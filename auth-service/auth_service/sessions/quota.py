"""How many live sessions a person may have: the oldest makes room for the newest."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.sessions import families
from auth_service.sessions.models import SessionFamily

MAX_LIVE_SESSIONS: Final = 100
ENDED_AT_ONCE: Final = 200
"""Who had more before there was a quota is brought down to it over some sign-ins, each in a short transaction."""


async def make_room(session: AsyncSession, *, user_id: str, idle: timedelta, now: datetime) -> None:
    """End a person's oldest live sessions, so that one more makes at most a hundred.

    The caller holds the person's row, so that of two sign-ins at once each counts the other's session.
    """
    live = (
        select(SessionFamily.id)
        .where(
            SessionFamily.user_id == user_id,
            SessionFamily.ended_at.is_(None),
            SessionFamily.expires_at > now,
            SessionFamily.refreshed_at > now - idle,
        )
        .order_by(SessionFamily.created_at.desc(), SessionFamily.id.desc())
        .offset(MAX_LIVE_SESSIONS - 1)
        .limit(ENDED_AT_ONCE)
    )
    excess_ids = list(await session.scalars(live))
    if not excess_ids:
        return
    locked = select(SessionFamily).where(SessionFamily.id.in_(excess_ids)).order_by(SessionFamily.id).with_for_update()
    for family in await session.scalars(locked.execution_options(populate_existing=True)):
        if family.ended_at is None:
            families.end(session, family, reason="quota", now=now)
            families.record(session, "session.end", family)
