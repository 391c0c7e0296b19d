"""The truth about a session, as every gateway reads it from Redis."""

from datetime import datetime, timedelta

from servicekit.auth.live_sessions import LiveRecord
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.memberships import rules as memberships
from auth_service.sessions.models import SessionFamily
from auth_service.users.models import User


async def read(session: AsyncSession, subject_id: str, *, idle: timedelta, now: datetime) -> LiveRecord | None:
    """The record of a session family, None when there is none; see `live_records.publishing.ReadRecord`."""
    found = await session.execute(
        select(SessionFamily, User.roles_version)
        .join(User, User.id == SessionFamily.user_id)
        .where(SessionFamily.id == subject_id),
    )
    if (row := found.one_or_none()) is None:
        return None
    family, roles_version = row
    version = family.version + roles_version
    if not family.is_live(idle=idle, now=now):
        return LiveRecord(state="revoked", version=version)
    roles = await memberships.roles_of(session, user_id=family.user_id)
    return LiveRecord("live", version, {workspace_id: role.label for workspace_id, role in roles.items()})
