"""Who works when: a bounded number of runs at once, a bounded queue behind them, a refusal beyond."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.json_types import JsonObject
from servicekit.leases import Lease
from servicekit.tasks import TaskRegistry
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution import rules
from generation_service.execution.attempts import LeaseLostError, SqlAttemptLog
from generation_service.execution.context import Job, RunContext
from generation_service.execution.event_log import EventLog
from generation_service.execution.keeper import Keeper
from generation_service.execution.live import LiveRun, LiveRuns, Stop
from generation_service.execution.pump import Pump
from generation_service.execution.redis_events import EventPublisher
from generation_service.execution.rules import RunSpec
from generation_service.execution.values import FIRST_EPOCH

OVERLOADED_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many runs are at work at once, how many may wait, and how long text is joined (seconds)."""

    max_running: int = 32
    max_queued: int = 64
    window_seconds: float = 0.05


class Admission:
    """A place for one run, taken when the run is inserted and given back when it has ended."""

    def __init__(self, dispatcher: "Dispatcher") -> None:
        self._dispatcher = dispatcher
        self.is_taken = False
        self.is_started = False
        self._is_queued = False

    def take(self) -> bool:
        """Take the place, once; True when the run has to wait for its turn.

        Raises:
            Unavailable: `overloaded`, the queue is full; or we are shutting down.
        """
        if not self.is_taken:
            self._is_queued = self._dispatcher.occupy()
            self.is_taken = True
        return self._is_queued

    def start(self, new: RunSpec, *, workspace_id: str, job: Job) -> None:
        """Let the run, which is committed, begin or wait for its turn."""
        self.is_started = True
        self._dispatcher.start(new, workspace_id=workspace_id, job=job, is_queued=self._is_queued)


class Dispatcher:
    """Owns the live runs of this process."""

    def __init__(
        self,
        database: Database,
        tasks: TaskRegistry,
        *,
        pump: Pump,
        keeper: Keeper,
        publisher: EventPublisher,
        live: LiveRuns,
        capacity: Capacity,
    ) -> None:
        self._database = database
        self._tasks = tasks
        self._pump = pump
        self._keeper = keeper
        self._publisher = publisher
        self._live = live
        self._capacity = capacity
        self._turns = asyncio.Semaphore(capacity.max_running)
        self._occupied = 0
        self._is_draining = False
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    @property
    def owner(self) -> str:
        """The name under which this process holds leases."""
        return self._keeper.owner

    @property
    def lease_seconds(self) -> float:
        """How long a new lease lasts."""
        return self._keeper.times.lease_seconds

    @contextmanager
    def admission(self) -> Iterator[Admission]:
        """A place to be taken; given back at once when no run was started."""
        admission = Admission(self)
        try:
            yield admission
        finally:
            if admission.is_taken and not admission.is_started:
                self._vacate()

    def occupy(self) -> bool:
        """Count one more run; True when it has to wait.

        Raises:
            Unavailable: there is no room, or we are shutting down.
        """
        if self._is_draining:
            raise Unavailable("The service is restarting; try again in a moment.", retry_after_seconds=2.0)
        if self._occupied >= self._capacity.max_running + self._capacity.max_queued:
            raise Unavailable(
                "Too many runs are at work; try again in a few seconds.",
                reason="overloaded",
                retry_after_seconds=OVERLOADED_RETRY_SECONDS,
            )
        self._occupied += 1
        self._all_ended.clear()
        return self._occupied > self._capacity.max_running

    def start(self, new: RunSpec, *, workspace_id: str, job: Job, is_queued: bool) -> None:
        """Give the run its log and its pump."""
        lease = Lease(new.id, self.owner, FIRST_EPOCH)
        log = EventLog(epoch=FIRST_EPOCH, on_event=lambda event: self._publisher.put(new.id, event))
        live = LiveRun(
            workspace_id=workspace_id,
            lease=lease,
            log=log,
            attempts=SqlAttemptLog(self._database, workspace_id=workspace_id, lease=lease),
            window_seconds=self._capacity.window_seconds,
        )
        log.saved_up_to(log.append("meta", new.meta).id)
        self._live[new.id] = live
        self._tasks.spawn(f"run-{new.id}", self._run(live, self._in_turn(live, job, is_queued=is_queued)))

    def cancel(self, run_id: str) -> None:
        """Stop the run if it is ours; another owner is told at its next renewal."""
        live = self._live.get(run_id)
        if live is not None:
            live.stop(Stop.CANCEL)

    async def drain(self, grace_seconds: float) -> None:
        """Take no new run, let those at work end for `grace_seconds`, then end the rest as interrupted."""
        self._is_draining = True
        try:
            async with asyncio.timeout(grace_seconds):
                await self._all_ended.wait()
        except TimeoutError:
            await self._keeper.keep()
            for live in list(self._live.values()):
                live.stop(Stop.SHUTDOWN)
            await self._all_ended.wait()

    def _in_turn(self, live: LiveRun, job: Job, *, is_queued: bool) -> Job:
        async def begin(session: AsyncSession) -> bool:
            return await rules.begin(session, live.lease)

        async def turn(context: RunContext) -> JsonObject:
            async with self._turns:
                if is_queued and not await self._database.write(begin):
                    raise LeaseLostError(live.run_id)
                return await job(context)

        return turn

    async def _run(self, live: LiveRun, job: Job) -> None:
        try:
            await self._pump.run(live, job)
        finally:
            self._live.pop(live.run_id, None)
            self._vacate()

    def _vacate(self) -> None:
        self._occupied -= 1
        if self._occupied == 0:
            self._all_ended.set()
