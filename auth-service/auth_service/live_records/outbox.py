"""Which live records changed: noted in the transaction of the change, until Redis has confirmed the new record."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicekit.ids import new_id
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.live_records.models import LiveRecordChange

BATCH = 500


def announce(session: AsyncSession, subject_ids: Iterable[str], *, now: datetime) -> None:
    """Note that the records of these sessions or API keys changed; part of the change's transaction."""
    session.add_all(LiveRecordChange(id=new_id(), subject_id=subject_id, created_at=now) for subject_id in subject_ids)


async def pending(session: AsyncSession) -> Sequence[LiveRecordChange]:
    """The oldest changes that Redis has not confirmed, at most 500."""
    return list(await session.scalars(select(LiveRecordChange).order_by(LiveRecordChange.id).limit(BATCH)))


async def confirm(session: AsyncSession, change_ids: Sequence[str]) -> None:
    """Forget changes whose records Redis holds now."""
    await session.execute(delete(LiveRecordChange).where(LiveRecordChange.id.in_(change_ids)))
