"""Renews leases, saves events and hears who asked to cancel, for all runs of this process in one transaction."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from servicekit.db import Database
from servicekit.db.clock import DatabaseTime
from servicekit.errors import SphereError
from servicekit.log import get_logger
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution.live import LiveRun, LiveRuns, Stop
from generation_service.execution.models import Run, RunSegment
from generation_service.execution.rules import HELD_ROWS, segment_of
from generation_service.execution.values import Event

BATCH = 200

_log = get_logger()


@dataclass(frozen=True, slots=True)
class KeepingTimes:
    """How often, in seconds: a save, a renewal, and how long a lease lasts."""

    save_seconds: float = 0.5
    renew_seconds: float = 2.0
    lease_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Held:
    id: str
    epoch: int
    is_cancel_asked: bool


class Keeper:
    """One for the process: the cost of a save does not grow with the number of runs."""

    def __init__(self, database: Database, live: LiveRuns, *, owner: str, times: KeepingTimes) -> None:
        self.owner = owner
        self.times = times
        self._database = database
        self._live = live
        self._saving = asyncio.Lock()
        self._renewed_at = float("-inf")

    async def run(self) -> None:
        """Keep until cancelled."""
        while True:
            await asyncio.sleep(self.times.save_seconds)
            try:
                await self.keep()
            except Exception as error:  # noqa: BLE001 - the edge of this loop: every run here hangs on it
                _log.error("keeping_failed", exc_info=error)

    async def keep(self) -> None:
        """Save what is new and renew what is due, once; a database that is away is tried again next time."""
        is_renewal = asyncio.get_running_loop().time() - self._renewed_at >= self.times.renew_seconds
        chosen = [one for one in self._live.values() if is_renewal or (one.unsaved() and not one.is_ending)]
        kept = True
        for start in range(0, len(chosen), BATCH):
            kept = await self._keep_batch(chosen[start : start + BATCH], is_renewal=is_renewal) and kept
        if is_renewal and kept:
            self._renewed_at = asyncio.get_running_loop().time()

    async def settle_saves(self) -> None:
        """Wait until no save is under way."""
        async with self._saving:
            return

    async def _keep_batch(self, chosen: list[LiveRun], *, is_renewal: bool) -> bool:
        async with self._saving:
            unsaved = {one.run_id: one.unsaved() for one in chosen if not one.is_ending}
            by_id = {one.run_id: one for one in chosen}

            async def unit(session: AsyncSession) -> list[_Held]:
                rows = await self._lock(session, sorted(by_id))
                ours = [row for row in rows if row.epoch == by_id[row.id].lease.epoch]
                if is_renewal:
                    await self._renew(session, [row.id for row in ours])
                for row in ours:
                    await save_events(session, by_id[row.id], unsaved.get(row.id, []))
                return ours

            try:
                ours = await self._database.write(unit)
            except SphereError as error:
                # Whether the commit was made is not known: the next save replaces what it may have left.
                for one in chosen:
                    one.is_saving_doubtful = True
                _log.warning("run_events_not_saved", runs=len(chosen), reason=error.reason)
                return False
        self._note(chosen, {row.id: row for row in ours}, unsaved)
        return True

    async def _lock(self, session: AsyncSession, ids: list[str]) -> list[_Held]:
        rows = await session.execute(
            select(Run.id, Run.lease_epoch, Run.is_cancel_asked)
            .where(Run.id.in_(ids), Run.lease_owner == self.owner, Run.end_event_id.is_(None))
            .order_by(Run.id)
            .with_for_update()
            .execution_options(**HELD_ROWS),
        )
        return [_Held(row.id, row.lease_epoch, row.is_cancel_asked) for row in rows]

    async def _renew(self, session: AsyncSession, ids: list[str]) -> None:
        if ids:
            await session.execute(
                update(Run)
                .where(Run.id.in_(ids), Run.lease_owner == self.owner)
                .values(lease_until=DatabaseTime(timedelta(seconds=self.times.lease_seconds)))
                .execution_options(**HELD_ROWS, synchronize_session=False),
            )

    def _note(self, chosen: list[LiveRun], ours: dict[str, _Held], unsaved: dict[str, list[Event]]) -> None:
        for one in chosen:
            row = ours.get(one.run_id)
            if row is None:
                # Ended by its own pump in the meantime, it would not be among the live ones.
                if self._live.get(one.run_id) is one and not one.is_ending:
                    one.stop(Stop.LOST)
                continue
            one.is_saving_doubtful = False if not one.is_ending else one.is_saving_doubtful
            saved = unsaved.get(one.run_id)
            if saved:
                one.log.saved_up_to(saved[-1].id)
            if row.is_cancel_asked:
                one.stop(Stop.CANCEL)


async def save_events(session: AsyncSession, live: LiveRun, events: list[Event]) -> None:
    """Add these events of a run whose row is locked and ours, instead of what a doubtful save left."""
    if not events:
        return
    if live.is_saving_doubtful:
        await session.execute(
            delete(RunSegment).where(
                RunSegment.workspace_id == live.workspace_id,
                RunSegment.run_id == live.run_id,
                RunSegment.first_event_id >= events[0].id,
            ),
        )
    session.add(segment_of(live.workspace_id, live.run_id, events))
    await session.flush()
