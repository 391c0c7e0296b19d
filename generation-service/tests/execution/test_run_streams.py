"""Reading runs: the same events every time, from wherever they come."""

import asyncio
from typing import Any

import grpc
import orjson
import pytest
from generation_service.execution.context import RunContext
from promptsphere.generation.v1 import runs_pb2, runs_pb2_grpc
from servicekit.ids import new_id
from servicekit.json_types import JsonObject
from servicekit.rpc.status import error_from_rpc

Event = tuple[int, str, str]
PIECES = [f"第{number} line 😀\r\n" for number in range(196)]


async def long_work(run: RunContext) -> JsonObject:
    """196 deltas, with a stage before and one after: 200 events with meta and the rest."""
    await run.stage("write")
    for piece in PIECES:
        await run.delta(piece)
        await asyncio.sleep(0)
    return {"content": "".join(PIECES)}


def plain(events: list[runs_pb2.StreamRunResponse]) -> list[Event]:
    return [(event.id, event.event, event.data_json or event.run.id) for event in events]


def text_of(events: list[runs_pb2.StreamRunResponse]) -> str:
    pieces: list[str] = []
    for event in events:
        data = orjson.loads(event.data_json or "{}")
        if event.event == "stage" and data.get("reset"):
            pieces.clear()
        pieces.append(data.get("text", ""))
    return "".join(pieces)


async def test_a_run_streams_meta_stages_deltas_usage_and_one_end(start_service: Any) -> None:
    instance = await start_service(run_window_seconds=0)
    run_id = await instance.work(long_work)

    events = await instance.events(run_id)

    assert len(events) == 200
    assert [event.event for event in events[:3]] == ["meta", "stage", "delta"]
    assert [event.event for event in events[-2:]] == ["usage", "done"]
    assert [event.id for event in events] == list(range((1 << 20) + 1, (1 << 20) + 201))
    assert orjson.loads(events[0].data_json) == {"id": run_id, "kind": "generate", "engine": "rules", "model": None}
    assert events[-1].run.state == runs_pb2.RUN_STATE_SUCCEEDED
    assert text_of(events) == "".join(PIECES) == orjson.loads(events[-1].run.result_json)["content"]


@pytest.mark.slow
async def test_a_stream_dropped_at_every_event_and_resumed_is_the_same(start_service: Any) -> None:
    instance = await start_service(run_window_seconds=0)
    run_id = await instance.work(long_work)
    whole = plain(await instance.events(run_id))

    for number, event in enumerate(whole):
        rest = plain(await instance.events(run_id, after_id=event[0]))
        assert rest == whole[number + 1 :]


async def test_a_reader_that_reconnects_after_each_event_of_a_live_run_misses_nothing(start_service: Any) -> None:
    instance = await start_service(run_window_seconds=0)
    go_on = asyncio.Semaphore(0)

    async def work(run: RunContext) -> JsonObject:
        for piece in PIECES[:50]:
            await go_on.acquire()
            await run.delta(piece)
        return {}

    run_id = await instance.work(work)
    seen: list[runs_pb2.StreamRunResponse] = []
    while not seen or seen[-1].event != "done":
        go_on.release()
        request = runs_pb2.StreamRunRequest(id=run_id, after_id=seen[-1].id if seen else 0)
        call = instance.runs.StreamRun(request, metadata=instance.me(), timeout=20)
        seen.append(await call.read())
        call.cancel()

    assert plain(seen) == plain(await instance.events(run_id))


async def test_a_finished_run_replays_from_sql_in_another_process(start_service: Any) -> None:
    first = await start_service(run_window_seconds=0)
    run_id = await first.work(long_work)
    live = plain(await first.events(run_id))

    second = await start_service()

    assert plain(await second.events(run_id)) == live


async def test_a_live_run_is_read_elsewhere_through_sql_alone(start_service: Any, read_rest: Any) -> None:
    first, second = await start_service(run_window_seconds=0), await start_service()
    done = asyncio.Event()

    async def work(run: RunContext) -> JsonObject:
        await run.delta("one")
        await done.wait()
        await run.delta("two")
        return {}

    run_id = await first.work(work)
    call = second.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=second.me(), timeout=20)
    early = [await call.read(), await call.read()]
    done.set()
    late = await read_rest(call)

    assert [event.event for event in early] == ["meta", "delta"]
    assert plain(early + late) == plain(await first.events(run_id))


async def test_a_live_run_is_read_elsewhere_through_redis(start_service: Any, read_rest: Any, redis_url: str) -> None:
    first = await start_service(redis_url, run_window_seconds=0)
    second = await start_service(redis_url)
    # Nothing is saved before the end: what the other process sees has come through Redis.
    await first.application.keeper._saving.acquire()
    go_on = asyncio.Semaphore(0)

    async def work(run: RunContext) -> JsonObject:
        for piece in PIECES[:30]:
            await go_on.acquire()
            await run.delta(piece)
        return {}

    run_id = await first.work(work)
    call = second.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=second.me(), timeout=30)
    seen = [await call.read()]
    for _piece in PIECES[:30]:
        go_on.release()
        seen.append(await call.read())
    first.application.keeper._saving.release()
    seen += await read_rest(call)

    assert plain(seen) == plain(await first.events(run_id)) == plain(await second.events(run_id))


async def test_flushing_redis_in_mid_run_changes_nothing(start_service: Any, read_rest: Any, redis_url: str) -> None:
    from servicekit.testing.private_redis import empty_redis

    first = await start_service(redis_url, run_window_seconds=0)
    second = await start_service(redis_url)
    go_on = asyncio.Semaphore(0)

    async def work(run: RunContext) -> JsonObject:
        for piece in PIECES[:60]:
            await go_on.acquire()
            await run.delta(piece)
        return {}

    run_id = await first.work(work)
    call = second.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=second.me(), timeout=30)
    seen = [await call.read()]
    for number in range(60):
        if number % 20 == 10:
            empty_redis(redis_url)
        go_on.release()
        seen.append(await call.read())
    seen += await read_rest(call)

    assert plain(seen) == plain(await first.events(run_id))


async def test_reading_after_the_end_event_gives_nothing(instance: Any) -> None:
    run_id = await instance.work(long_work)
    end = (await instance.events(run_id))[-1]

    assert await instance.events(run_id, after_id=end.id) == []
    assert await instance.events(run_id, after_id=end.id + 7) == []


async def test_text_within_the_window_is_one_event_and_the_first_goes_at_once(start_service: Any) -> None:
    instance = await start_service(run_window_seconds=0.2)
    done = asyncio.Event()

    async def work(run: RunContext) -> JsonObject:
        for letter in "abcdef":
            await run.delta(letter)
        await done.wait()
        return {}

    run_id = await instance.work(work)
    call = instance.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=instance.me(), timeout=20)
    events = [await call.read() for _ in range(3)]
    done.set()
    call.cancel()

    assert [orjson.loads(event.data_json).get("text") for event in events] == [None, "a", "bcdef"]


async def test_a_client_that_leaves_does_not_end_the_run_and_leaves_nothing_behind(instance: Any, until: Any) -> None:
    done = asyncio.Event()

    async def work(run: RunContext) -> JsonObject:
        await run.delta("a")
        await done.wait()
        return {"content": "a"}

    run_id = await instance.work(work)
    calls = [instance.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=instance.me()) for _ in range(20)]
    for call in calls:
        await call.read()
    assert instance.servicer.open_streams == 20
    for call in calls:
        call.cancel()
    await until(lambda: instance.servicer.open_streams == 0)
    done.set()

    assert (await instance.finished(run_id)).state == runs_pb2.RUN_STATE_SUCCEEDED


async def test_a_reader_that_never_reads_is_dropped_and_the_run_goes_on(
    start_service: Any, until: Any, read_rest: Any
) -> None:
    instance = await start_service(run_window_seconds=0, slow_reader_seconds=0.3)

    async def work(run: RunContext) -> JsonObject:
        for _ in range(100):
            await run.delta("字" * 5000)
        return {}

    run_id = await instance.work(work)
    # A small window on the client's side, so that little is on its way.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16_384))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{instance.testbed.port}", options=options) as channel:
        stub = runs_pb2_grpc.RunsServiceStub(channel)
        call = stub.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=instance.me())
        await call.read()
        await until(lambda: instance.servicer.open_streams == 0)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await read_rest(call)

    assert error_from_rpc(failure.value).reason == "slow_reader"
    assert (await instance.finished(run_id)).state == runs_pb2.RUN_STATE_SUCCEEDED


async def test_a_run_of_others_is_not_found(instance: Any) -> None:
    run_id = await instance.work(long_work)
    await instance.finished(run_id)

    for stranger in (instance.me(user_id=new_id()), instance.me(role="admin", workspace_id=new_id())):
        call = instance.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=stranger)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert error_from_rpc(failure.value).reason == "not_found"
    admin = instance.me(role="admin", user_id=new_id())
    assert (await instance.runs.GetRun(runs_pb2.GetRunRequest(id=run_id), metadata=admin)).run.id == run_id
