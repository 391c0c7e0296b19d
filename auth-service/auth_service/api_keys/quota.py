"""How many live keys a person may have."""

from datetime import datetime
from typing import Final

from servicekit.errors import FailedPrecondition
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys.models import ApiKey
from auth_service.users import rules as users

MAX_LIVE_KEYS: Final = 100
"""Of one person, in all workspaces together; revoked and expired ones don't count."""


async def check_room(session: AsyncSession, *, user_id: str, now: datetime) -> None:
    """See that a person may have one more key, and keep others from taking the place until this transaction ends.

    Raises:
        FailedPrecondition: `quota_exceeded`.
        Unauthenticated: there is no such account any more.
    """
    # The person's row is what two that make keys at once both want; the second counts after the first has committed.
    await users.get(session, user_id, is_locking=True)
    live = (
        select(func.count())
        .select_from(ApiKey)
        .where(
            ApiKey.user_id == user_id,
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
        )
        .execution_options(all_workspaces="the quota is the person's, wherever their keys are")
    )
    count = await session.scalar(live)
    if count is not None and count >= MAX_LIVE_KEYS:
        raise FailedPrecondition(
            f"You have {MAX_LIVE_KEYS} live API keys, the most; revoke one that is not needed first.",
            reason="quota_exceeded",
            metadata={"limit": str(MAX_LIVE_KEYS)},
        )
