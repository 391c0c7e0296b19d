"""The pump: works for a run, not for whoever asked, and alone writes how the run ended."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from servicekit.db import Database
from servicekit.db.schema import now
from servicekit.errors import SphereError, Unavailable
from servicekit.leases import Lease, held
from servicekit.log import get_logger
from servicekit.tasks import TaskRegistry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.dashscope.attempts import AttemptState
from generation_service.execution.attempts import LeaseLostError, Outcomes, charge, sum_of, usage_as_json
from generation_service.execution.context import Job, Rejected
from generation_service.execution.keeper import Keeper, save_events
from generation_service.execution.live import LiveRun, Stop
from generation_service.execution.models import Run
from generation_service.execution.rules import HELD_ROWS
from generation_service.execution.values import RunEnd, RunFailure, RunState, end_name

STOP_GRACE_SECONDS = 3.0
"""How long work may take to end after it was cancelled; afterwards the run ends without it."""

SETTLE_LIMIT_SECONDS = 120.0
"""How long the end of a run is tried to be written while the database is away."""

INTERRUPTED = RunFailure("interrupted", "The process that worked on this run went away; start the run again.", {})
TIMED_OUT = RunFailure("run_timeout", "The run took too long and was stopped; try again.", {})
DEFECT = RunFailure("internal", "Something is wrong on our side; the run's id finds it in our logs.", {})

_STOPPED: Mapping[Stop, RunEnd] = MappingProxyType(
    {
        Stop.CANCEL: RunEnd(RunState.CANCELLED),
        Stop.TIMEOUT: RunEnd(RunState.FAILED, failure=TIMED_OUT),
        Stop.SHUTDOWN: RunEnd(RunState.INTERRUPTED, failure=INTERRUPTED),
    }
)
_UNHEARD: Mapping[RunState, AttemptState] = MappingProxyType(
    {
        RunState.CANCELLED: "cancelled",
        RunState.INTERRUPTED: "interrupted",
    }
)

_log = get_logger()


class Pump:
    """Runs pipelines, each within `limit_seconds` from its start (waiting for its turn included)."""

    def __init__(self, database: Database, keeper: Keeper, tasks: TaskRegistry, *, limit_seconds: float) -> None:
        self._database = database
        self._keeper = keeper
        self._tasks = tasks
        self._limit_seconds = limit_seconds

    async def run(self, live: LiveRun, job: Job) -> None:
        """Work until the run has ended and its end is written; a lost run is let go without a word."""
        try:
            end = await self._work(live, job)
            if end is not None:
                await self._finish(live, end)
        finally:
            live.log.close()

    async def _work(self, live: LiveRun, job: Job) -> RunEnd | None:
        work = asyncio.ensure_future(self._tasks.spawn(f"work-{live.run_id}", _outcome(live, job)))
        live.attach(work)  # type: ignore[arg-type]  # the registry forgets what its task gives
        try:
            await asyncio.wait({work}, timeout=self._limit_seconds)
            if not work.done():
                live.stop(Stop.TIMEOUT)
                await asyncio.wait({work}, timeout=STOP_GRACE_SECONDS)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if live.stop_reason is Stop.LOST:
            return None
        if not work.done():
            _log.error("run_work_ignored_its_cancellation", run=live.run_id)
        elif not work.cancelled():
            return work.result()  # type: ignore[return-value]  # likewise
        if live.stop_reason is None:
            return RunEnd(RunState.FAILED, failure=DEFECT)
        return _STOPPED[live.stop_reason]

    async def _finish(self, live: LiveRun, end: RunEnd) -> None:
        live.close_text()
        outcomes = live.attempts.outcomes(_UNHEARD.get(end.state, "failed"))
        live.log.append("usage", usage_as_json(sum_of(one.usage for one in outcomes.values())))
        end_id = live.log.next_id
        await self._keeper.settle_saves()
        if await self._settle(live, end, outcomes, end_id):
            live.log.append(end_name(end.state), {})
            _log.info("run_ended", run=live.run_id, state=end.state.value, reason=_reason(end))
        else:
            _log.warning("run_end_refused", run=live.run_id, state=end.state.value)

    async def _settle(self, live: LiveRun, end: RunEnd, outcomes: Outcomes, end_id: int) -> bool:
        async def unit(session: AsyncSession) -> bool:
            run = await locked_run(session, live.lease)
            if run is None or run.end_event_id is not None:
                # Our own earlier try, whose answer we never got, counts.
                return run is not None and run.end_event_id == end_id
            await save_events(session, live, live.unsaved())
            await write_end(session, run, end, outcomes=outcomes, end_event_id=end_id)
            return True

        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + SETTLE_LIMIT_SECONDS
        pause_seconds = 0.1
        while True:
            try:
                return await self._database.write(unit)
            except Unavailable as error:
                live.is_saving_doubtful = True
                if loop.time() > give_up_at:
                    _log.exception("run_end_not_written", run=live.run_id, reason=error.reason)
                    return False
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 1.0)


async def locked_run(session: AsyncSession, lease: Lease) -> Run | None:
    """The run's row, locked, when the lease is still the row's."""
    return await session.scalar(
        select(Run).where(*held(Run, lease)).with_for_update().execution_options(**HELD_ROWS),
    )


async def write_end(session: AsyncSession, run: Run, end: RunEnd, *, outcomes: Outcomes, end_event_id: int) -> None:
    """End a run whose row is locked and open: state, result or error, and the ledger."""
    run.state = end.state.value
    run.result = end.result
    run.error = end.failure.as_json() if end.failure is not None else None
    run.end_event_id = end_event_id
    run.ended_at = now()
    run.lease_until = None
    run.row_version += 1
    await charge(session, run, outcomes)
    await session.flush()


async def _outcome(live: LiveRun, job: Job) -> RunEnd:
    """What the work says about itself: the edge at which its exceptions become an end."""
    try:
        return RunEnd(RunState.SUCCEEDED, result=await job(live))
    except Rejected as refusal:
        failure = RunFailure(refusal.code, refusal.message, {}, refusal.detail)
        return RunEnd(RunState.REJECTED, failure=failure)
    except LeaseLostError:
        live.stop(Stop.LOST)
        raise asyncio.CancelledError from None
    except SphereError as error:
        return RunEnd(RunState.FAILED, failure=RunFailure.of(error))
    except Exception as error:  # noqa: BLE001 - the edge: a defect of a pipeline ends its run, not the process
        _log.error("run_failed_unexpectedly", run=live.run_id, exc_info=error)
        return RunEnd(RunState.FAILED, failure=DEFECT)


def _reason(end: RunEnd) -> str:
    return end.failure.reason if end.failure is not None else ""
