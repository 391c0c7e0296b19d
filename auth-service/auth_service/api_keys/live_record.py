"""The truth about an API key, as every gateway reads it from Redis."""

from datetime import datetime

from servicekit.auth.live_sessions import LiveRecord
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys.models import ApiKey
from auth_service.memberships import rules as memberships
from auth_service.users.models import User


async def read(session: AsyncSession, subject_id: str, *, now: datetime) -> LiveRecord | None:
    """The record of an API key, None when there is none; see `live_records.publishing.ReadRecord`."""
    found = await session.execute(
        select(ApiKey, User.roles_version)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.id == subject_id)
        .execution_options(all_workspaces="claim `sid` names the key alone"),
    )
    if (row := found.one_or_none()) is None:
        return None
    key, roles_version = row
    version = key.version + roles_version
    membership = await memberships.find(session, workspace_id=key.workspace_id, user_id=key.user_id)
    if not key.is_live(now=now) or membership is None:
        return LiveRecord(state="revoked", version=version)
    return LiveRecord("live", version, {key.workspace_id: membership.role.label})
