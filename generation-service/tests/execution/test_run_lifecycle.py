"""How runs end: by their pump, by a wish, by time, by shutdown, or by the sweeper; once in any case."""

import asyncio
from decimal import Decimal
from typing import Any

import grpc
import pytest
from generation_service.dashscope.attempts import AttemptOutcome, AttemptStart, Usage
from generation_service.execution.context import Rejected, RunContext
from generation_service.execution.live import Stop
from generation_service.execution.models import Attempt, LedgerEntry, Run, RunSegment
from promptsphere.generation.v1 import runs_pb2
from servicekit.errors import Unavailable
from servicekit.json_types import JsonObject
from servicekit.rpc.status import error_from_rpc
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

TEST = {"all_workspaces": "a test looks at everything"}


async def forever(run: RunContext) -> JsonObject:
    await run.delta("begun")
    await asyncio.Event().wait()
    return {}


async def calling(run: RunContext) -> JsonObject:
    """Calls a model once, hears its end, calls again and never hears."""
    first = await run.attempts.begin(AttemptStart("qwen-flash", "parse", 1, 100))
    await run.attempts.end(first, AttemptOutcome("succeeded", Usage(90, 10, 0, Decimal("0.0000285"))))
    await run.attempts.begin(AttemptStart("qwen-plus", "write", 1, 1000))
    await run.stage("write")
    await run.delta("begun")
    await asyncio.Event().wait()
    return {}


async def rows(instance: Any, table: Any) -> list[Any]:
    async def unit(session: AsyncSession) -> list[Any]:
        return list(await session.scalars(select(table).execution_options(**TEST)))

    return list(await instance.database.read(unit))


async def crash(instance: Any, run_id: str) -> None:
    """As kill -9 would: nothing of the process goes on, nothing more is written; then its lease runs out."""
    live = instance.application.live.pop(run_id)
    live.stop_reason = Stop.LOST
    live._work.cancel()
    await instance.database.write(
        lambda session: session.execute(
            text("UPDATE runs SET lease_until = '2020-01-01 00:00:00.000000' WHERE id = :id"), {"id": run_id}
        )
    )


async def test_a_failure_a_refusal_and_a_defect_end_with_an_error_event(instance: Any) -> None:
    async def failing(_run: RunContext) -> JsonObject:
        raise Unavailable("No.", reason="model_unavailable", metadata={"model": "m"})

    async def refusing(_run: RunContext) -> JsonObject:
        raise Rejected("gates_failed", "No.", [{"code": "size"}])

    async def broken(_run: RunContext) -> JsonObject:
        raise KeyError("oops")

    ends = []
    for job in (failing, refusing, broken):
        events = await instance.events(await instance.work(job))
        assert [event.event for event in events] == ["meta", "usage", "error"]
        ends.append(events[-1].run)

    assert [run.state for run in ends] == [
        runs_pb2.RUN_STATE_FAILED,
        runs_pb2.RUN_STATE_REJECTED,
        runs_pb2.RUN_STATE_FAILED,
    ]
    assert [run.error.reason for run in ends] == ["model_unavailable", "gates_failed", "internal"]
    assert dict(ends[0].error.metadata) == {"model": "m"}
    assert ends[1].error.violations_json == '[{"code":"size"}]'


async def test_cancel_stops_the_work_and_ends_with_done(instance: Any) -> None:
    run_id = await instance.work(forever)

    await instance.runs.CancelRun(runs_pb2.CancelRunRequest(id=run_id), metadata=instance.me())
    events = await instance.events(run_id)

    assert events[-1].event == "done"
    assert events[-1].run.state == runs_pb2.RUN_STATE_CANCELLED
    again = await instance.runs.CancelRun(runs_pb2.CancelRunRequest(id=run_id), metadata=instance.me())
    assert again.run.row_version == events[-1].run.row_version


async def test_cancel_at_another_process_reaches_the_owner(start_service: Any) -> None:
    owner, other = await start_service(), await start_service()
    run_id = await owner.work(forever)

    await other.runs.CancelRun(runs_pb2.CancelRunRequest(id=run_id), metadata=other.me())

    assert (await other.finished(run_id)).state == runs_pb2.RUN_STATE_CANCELLED


async def test_a_run_that_hangs_ends_as_run_timeout(start_service: Any) -> None:
    instance = await start_service(run_limit_seconds=0.3)

    run = await instance.finished(await instance.work(forever))

    assert (run.state, run.error.reason) == (runs_pb2.RUN_STATE_FAILED, "run_timeout")


async def test_runs_beyond_the_bound_wait_and_beyond_the_queue_are_refused(start_service: Any) -> None:
    instance = await start_service(max_running_runs=1, max_queued_runs=1)
    done = asyncio.Event()

    async def work(_run: RunContext) -> JsonObject:
        await done.wait()
        return {}

    first, second = await instance.work(work), await instance.work(work)
    with pytest.raises(Unavailable) as refusal:
        await instance.work(work)
    waiting = await instance.runs.GetRun(runs_pb2.GetRunRequest(id=second), metadata=instance.me())
    done.set()

    assert refusal.value.reason == "overloaded"
    assert refusal.value.retry_after_seconds
    assert waiting.run.state == runs_pb2.RUN_STATE_QUEUED
    for run_id in (first, second):
        assert (await instance.finished(run_id)).state == runs_pb2.RUN_STATE_SUCCEEDED
    await instance.finished(await instance.work(work))


async def test_a_queued_run_can_be_cancelled(start_service: Any) -> None:
    instance = await start_service(max_running_runs=1, max_queued_runs=1)
    first, second = await instance.work(forever), await instance.work(forever)

    await instance.runs.CancelRun(runs_pb2.CancelRunRequest(id=second), metadata=instance.me())

    assert (await instance.finished(second)).state == runs_pb2.RUN_STATE_CANCELLED
    assert first in instance.application.live


async def test_an_abandoned_run_becomes_interrupted_once_and_its_attempts_are_charged(
    start_service: Any, until: Any
) -> None:
    owner, other = await start_service(), await start_service()
    run_id = await owner.work(calling)
    await until(lambda: len(owner.application.live[run_id].log._events) >= 3)
    await owner.application.keeper.keep()
    await crash(owner, run_id)

    await asyncio.gather(*(one.application.sweeper.sweep() for one in (other, owner, other)))

    events = await other.events(run_id)
    assert [event.event for event in events] == ["meta", "stage", "delta", "error"]
    assert events[-1].id == (2 << 20) + 1
    assert (events[-1].run.state, events[-1].run.error.reason) == (runs_pb2.RUN_STATE_INTERRUPTED, "interrupted")
    assert [(e.id, e.event) for e in await owner.events(run_id)] == [(e.id, e.event) for e in events]
    ledger = sorted(await rows(other, LedgerEntry), key=lambda entry: entry.attempt_id)
    attempts = sorted(await rows(other, Attempt), key=lambda attempt: attempt.id)
    assert [entry.attempt_id for entry in ledger] == [attempt.id for attempt in attempts]
    assert [(e.model, e.input_tokens, e.is_estimated) for e in ledger] == [
        ("qwen-flash", 90, False),
        ("qwen-plus", 1000, True),
    ]
    assert ledger[1].output_tokens > 0
    assert ledger[1].cost > 0
    assert events[-1].run.usage.estimated


async def test_the_late_writer_of_a_run_taken_over_is_refused(start_service: Any, until: Any) -> None:
    owner, other = await start_service(), await start_service()
    released = asyncio.Event()

    async def work(run: RunContext) -> JsonObject:
        await run.delta("early")
        await released.wait()
        await run.delta("late")
        return {"content": "late"}

    # The owner is stopped as by SIGSTOP: it renews nothing, and then goes on as if nothing had been.
    await owner.application.keeper._saving.acquire()
    run_id = await owner.work(work)
    await owner.database.write(
        lambda session: session.execute(
            text("UPDATE runs SET lease_until = '2020-01-01 00:00:00.000000' WHERE id = :id"), {"id": run_id}
        )
    )
    assert await other.application.sweeper.sweep() == 1
    events = [(event.id, event.event) for event in await other.events(run_id)]
    released.set()
    owner.application.keeper._saving.release()
    await until(lambda: run_id not in owner.application.live)

    assert [(event.id, event.event) for event in await owner.events(run_id)] == events
    (run,) = await rows(owner, Run)
    assert (run.state, run.result) == ("interrupted", None)
    assert max(segment.last_event_id for segment in await rows(owner, RunSegment)) < run.end_event_id


async def test_an_expired_lease_of_a_living_pump_is_not_swept_by_its_own_process(instance: Any) -> None:
    run_id = await instance.work(forever)
    await instance.database.write(
        lambda session: session.execute(text("UPDATE runs SET lease_until = '2020-01-01 00:00:00.000000'"))
    )

    assert await instance.application.sweeper.sweep() == 0
    assert run_id in instance.application.live


async def test_shutdown_saves_what_there_is_and_ends_the_rest_as_interrupted(start_service: Any) -> None:
    instance, other = await start_service(), await start_service()
    quick = asyncio.Event()

    async def soon(_run: RunContext) -> JsonObject:
        await quick.wait()
        return {"content": "in time"}

    slow_id, soon_id = await instance.work(forever), await instance.work(soon)
    quick.set()
    await instance.application.dispatcher.drain(0.2)

    assert (await other.finished(soon_id)).state == runs_pb2.RUN_STATE_SUCCEEDED
    events = await other.events(slow_id)
    assert [event.event for event in events] == ["meta", "delta", "usage", "error"]
    assert events[-1].run.state == runs_pb2.RUN_STATE_INTERRUPTED
    with pytest.raises(Unavailable):
        await instance.work(soon)


async def test_usage_is_the_sum_over_the_attempts_and_the_ledger_has_one_row_each(instance: Any) -> None:
    async def work(run: RunContext) -> JsonObject:
        for number in (1, 2):
            attempt = await run.attempts.begin(AttemptStart("qwen-plus", "write", number, 10))
            await run.attempts.end(attempt, AttemptOutcome("succeeded", Usage(10, 5, 0, Decimal("0.000001"))))
        return {}

    run = await instance.finished(await instance.work(work))

    assert (run.usage.input_tokens, run.usage.output_tokens, run.usage.cost) == (20, 10, "0.000002")
    assert not run.usage.estimated
    assert len(await rows(instance, LedgerEntry)) == 2
    assert {attempt.state for attempt in await rows(instance, Attempt)} == {"succeeded"}


async def test_listing_pages_by_cursor_and_admins_see_all(instance: Any) -> None:
    async def work(_run: RunContext) -> JsonObject:
        return {}

    ids = [await instance.work(work) for _ in range(5)]
    for run_id in ids:
        await instance.finished(run_id)
    found: list[str] = []
    cursor = ""
    while True:
        request = runs_pb2.ListRunsRequest(limit=2, cursor=cursor, state=runs_pb2.RUN_STATE_SUCCEEDED)
        page = await instance.runs.ListRuns(request, metadata=instance.me())
        found += [run.id for run in page.items]
        cursor = page.next_cursor
        if not cursor:
            break

    assert found == ids[::-1]
    stranger = instance.me(user_id="01890000-0000-7000-8000-000000000000")
    assert not (await instance.runs.ListRuns(runs_pb2.ListRunsRequest(), metadata=stranger)).items
    admin = instance.me(role="admin", user_id="01890000-0000-7000-8000-000000000000")
    assert len((await instance.runs.ListRuns(runs_pb2.ListRunsRequest(), metadata=admin)).items) == 5
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await instance.runs.ListRuns(runs_pb2.ListRunsRequest(cursor="bm9uc2Vuc2U"), metadata=instance.me())
    assert error_from_rpc(failure.value).reason == "invalid_cursor"


@pytest.mark.slow
async def test_the_end_is_written_once_when_the_database_comes_back(start_service: Any, until: Any) -> None:
    instance, other = await start_service(), await start_service()
    go_on, released = asyncio.Event(), asyncio.Event()

    async def work(run: RunContext) -> JsonObject:
        await go_on.wait()
        await run.delta("text")
        return {"content": "text"}

    run_id = await instance.work(work)
    live = instance.application.live[run_id]

    async def hold(session: AsyncSession) -> None:
        await session.execute(select(Run).with_for_update().execution_options(**TEST))
        go_on.set()
        await released.wait()

    holding = asyncio.ensure_future(other.database.write(hold, limit_seconds=60))
    await until(lambda: live.is_ending and live.is_saving_doubtful)
    released.set()
    await holding

    events = await other.events(run_id)
    assert [event.event for event in events] == ["meta", "delta", "usage", "done"]
    assert [(e.id, e.event) for e in await instance.events(run_id)] == [(e.id, e.event) for e in events]
