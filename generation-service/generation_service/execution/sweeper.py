"""The sweeper: ends runs whose owner is gone. Every process sweeps; the row's lock decides who does what."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeAlias, cast

from servicekit import leases
from servicekit.db import Database
from servicekit.db.clock import DatabaseTime
from servicekit.errors import SphereError
from servicekit.log import get_logger
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.dashscope.attempts import AttemptOutcome, Usage
from generation_service.execution.attempts import STARTED
from generation_service.execution.live import LiveRuns
from generation_service.execution.models import Attempt, Run, RunSegment
from generation_service.execution.pump import INTERRUPTED, write_end
from generation_service.execution.redis_events import EventPublisher
from generation_service.execution.rules import events_of
from generation_service.execution.values import Event, RunEnd, RunState, end_name, event_id

SWEEP_SECONDS = 1.0
SWEEP_BATCH = 50

EstimateUsage: TypeAlias = Callable[[str, int, str], Usage]
"""Model, estimated input tokens and the text that is known to have come back, to the usage to charge."""

_log = get_logger()


class Sweeper:
    """Gives abandoned runs an end, and their attempts a ledger row."""

    def __init__(
        self,
        database: Database,
        live: LiveRuns,
        publisher: EventPublisher,
        *,
        owner: str,
        estimate: EstimateUsage,
    ) -> None:
        self._database = database
        self._live = live
        self._publisher = publisher
        self._owner = owner
        self._estimate = estimate

    async def run(self) -> None:
        """Sweep until cancelled; a database that is away is tried again next time."""
        this = asyncio.current_task()
        while this is None or not this.cancelling():  # a lost connection may hide a cancellation
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            try:
                await self.sweep()
            except SphereError as error:
                _log.warning("sweep_failed", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - the edge of this loop: one bad row must not end it
                _log.error("sweep_failed_unexpectedly", exc_info=error)

    async def sweep(self) -> int:
        """End every run whose lease has run out; how many this call ended.

        Runs of this process are left alone: their pump is alive, and an outage of the database that has just
        ended must not end them.
        """

        async def expired(session: AsyncSession) -> list[str]:
            found = await leases.find_expired(session, Run, Run.end_event_id.is_(None), limit=SWEEP_BATCH)
            return [run_id for run_id in found if run_id not in self._live]

        ended = 0
        for run_id in await self._database.read(expired):
            ended += await self._interrupt(run_id)
        return ended

    async def _interrupt(self, run_id: str) -> int:
        async def unit(session: AsyncSession) -> int | None:
            run = await session.scalar(
                select(Run)
                .where(Run.id == run_id, Run.end_event_id.is_(None), Run.lease_until <= DatabaseTime())
                .with_for_update()
                .execution_options(all_workspaces="abandoned is abandoned in every workspace"),
            )
            if run is None:
                return None
            # A new epoch: the owner that comes back is fenced, and its ids all lie below the end's.
            run.lease_owner = self._owner
            run.lease_epoch += 1
            end_id = event_id(run.lease_epoch, 1)
            outcomes = await self._outcomes(session, run)
            end = RunEnd(RunState.INTERRUPTED, failure=INTERRUPTED)
            await write_end(session, run, end, outcomes=outcomes, end_event_id=end_id)
            return end_id

        end_id = await self._database.write(unit)
        if end_id is None:
            return 0
        _log.warning("run_interrupted", run=run_id)
        self._publisher.put(run_id, Event(end_id, end_name(RunState.INTERRUPTED), {}))
        return 1

    async def _outcomes(self, session: AsyncSession, run: Run) -> dict[str, AttemptOutcome]:
        """What the attempts that nobody heard the end of have cost, by our estimate."""
        started = await session.scalars(
            select(Attempt).where(
                Attempt.workspace_id == run.workspace_id, Attempt.run_id == run.id, Attempt.state == STARTED
            ),
        )
        attempts = sorted(started, key=lambda attempt: attempt.id)
        if not attempts:
            return {}
        text = await self._last_text(session, run)
        outcomes = {}
        for attempt in attempts:
            # Only the last one can have been sending when the process died.
            heard = text if attempt is attempts[-1] else ""
            usage = self._estimate(attempt.model, attempt.estimated_input_tokens, heard)
            outcomes[attempt.id] = AttemptOutcome("interrupted", usage)
        return outcomes

    async def _last_text(self, session: AsyncSession, run: Run) -> str:
        segments = await session.scalars(
            select(RunSegment)
            .where(RunSegment.workspace_id == run.workspace_id, RunSegment.run_id == run.id)
            .order_by(RunSegment.first_event_id),
        )
        pieces: list[str] = []
        for event in (event for segment in segments for event in events_of(segment)):
            if event.name == "stage":
                pieces.clear()
            elif event.name == "delta":
                pieces.append(cast("str", event.data["text"]))
        return "".join(pieces)
