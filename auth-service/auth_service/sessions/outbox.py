"""Which live records changed: noted in the transaction of the change, until Redis has confirmed the new record."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicekit.ids import new_id
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys.models import ApiKey
from auth_service.sessions.models import LiveRecordChange, SessionFamily

BATCH = 500


def announce(session: AsyncSession, subject_ids: Iterable[str], *, now: datetime) -> None:
    """Note that the records of these sessions or API keys changed; part of the change's transaction."""
    session.add_all(LiveRecordChange(id=new_id(), subject_id=subject_id, created_at=now) for subject_id in subject_ids)


async def announce_person(session: AsyncSession, *, user_id: str, now: datetime) -> None:
    """Note that the roles in every live record of a person changed."""
    families = select(SessionFamily.id).where(
        SessionFamily.user_id == user_id,
        SessionFamily.ended_at.is_(None),
        SessionFamily.expires_at > now,
    )
    keys = (
        select(ApiKey.id)
        .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .execution_options(all_workspaces="one person's keys lie across workspaces")
    )
    announce(session, [*await session.scalars(families), *await session.scalars(keys)], now=now)


async def pending(session: AsyncSession) -> Sequence[LiveRecordChange]:
    """The oldest changes that Redis has not confirmed, at most 500."""
    return list(await session.scalars(select(LiveRecordChange).order_by(LiveRecordChange.id).limit(BATCH)))


async def confirm(session: AsyncSession, change_ids: Sequence[str]) -> None:
    """Forget changes whose records Redis holds now."""
    await session.execute(delete(LiveRecordChange).where(LiveRecordChange.id.in_(change_ids)))
