"""A model's answer as it comes, over 200 events long, while connections break and processes die."""

import asyncio
from contextlib import aclosing

import orjson
from local_stack.demo.client import Json
from local_stack.testing import Person, StackProcess, event_id, until
from vendor_fakes.dashscope import Fault
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.process import FakeProcess

SENTENCE = "客服智能体，需要专业、耐心、能解决常见问题"
WRITER = "qwen-plus"
LEAST_EVENTS = 200
CHUNK_SECONDS = 0.02
BACK_SECONDS = 40.0


def data_of(frame: str) -> Json:
    data: Json = orjson.loads(frame.rstrip("\n").rpartition("\ndata: ")[2])
    return data


def is_end(frame: str) -> bool:
    return "\nevent: done\n" in frame or "\nevent: error\n" in frame


async def long_run(author: Person, vendor: FakeProcess, *, chunk_seconds: float = CHUNK_SECONDS) -> str:
    """A run whose model sends a prompt of more than 200 pieces, one after the other."""
    requirement = await author.client.expect(200, "POST", "/api/v1/requirements", {"description": SENTENCE})
    body = {"kind": "generate", "input": {"requirement_id": requirement.body["id"], "max_tokens": 20_000}}
    short = await author.client.expect(202, "POST", "/api/v1/runs", body)
    end = [event async for event in author.client.events(short.body["id"])][-1]
    more = [
        f"{number}. 遇到第{number}类问题时，先核对记录{number * 7}，再说明依据和下一步。" for number in range(9, 100)
    ]
    content = "\n".join([end.data["run"]["result"]["content"], "", *more])
    vendor.reset()
    vendor.script(Fault(FaultKind.SLOW, seconds=chunk_seconds, content=content), model=WRITER)
    return str((await author.client.expect(202, "POST", "/api/v1/runs", body)).body["id"])


async def broken_after(author: Person, run_id: str, count: int) -> list[str]:
    """The frames of a run as somebody sees them whose connection breaks after `count` of them."""
    begun: list[str] = []
    async with aclosing(author.frames(run_id)) as frames:
        async for frame in frames:
            begun.append(frame)
            if len(begun) == count:
                break
    return begun + await author.replay(run_id, after=event_id(begun[-1]))


async def test_a_live_stream_broken_at_each_of_200_events_and_resumed_is_the_same(
    vendor: FakeProcess, author: Person
) -> None:
    run_id = await long_run(author, vendor)

    whole, *broken = await asyncio.gather(
        author.replay(run_id), *(broken_after(author, run_id, count) for count in range(1, LEAST_EVENTS + 1))
    )
    ids = [int(event_id(frame)) for frame in whole]

    assert len(whole) > LEAST_EVENTS
    assert ids == sorted(set(ids))
    assert [is_end(frame) for frame in whole] == [False] * (len(whole) - 1) + [True]
    assert all(one == whole for one in broken)
    assert await author.replay(run_id) == whole
    assert data_of(whole[-1])["run"]["state"] == "succeeded"
    assert len(vendor.requests) == 1


async def test_a_process_that_dies_in_mid_stream_ends_the_run_once_and_the_open_stream_goes_on_to_its_end(
    model_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    run_id = await long_run(author, vendor)
    (before,) = model_stack.pids("generation_service")
    live: list[str] = []

    async with asyncio.timeout(BACK_SECONDS), aclosing(author.frames(run_id)) as frames:
        async for frame in frames:
            live.append(frame)
            if len(live) == 50:
                model_stack.kill("generation_service")
    again = [await author.replay(run_id) for _ in range(2)]
    resumed = await author.replay(run_id, after=event_id(live[30]))
    attempts = model_stack.rows("generation", "SELECT * FROM attempts WHERE run_id = ?", run_id)
    ledger = model_stack.rows("generation", "SELECT * FROM usage_ledger WHERE run_id = ?", run_id)

    assert [is_end(frame) for frame in live] == [False] * (len(live) - 1) + [True]
    run = data_of(live[-1])["run"]
    assert (run["state"], run["error"]["code"], run["error"]["status"]) == ("interrupted", "interrupted", 503)
    assert run["usage"]["estimated"]
    assert again[0] == again[1]
    assert [one for one in live if one in again[0]] == again[0]
    assert [one for one in again[0] if int(event_id(one)) > int(event_id(live[30]))] == resumed
    assert [int(event_id(frame)) for frame in live] == sorted({int(event_id(frame)) for frame in live})
    assert [one["state"] for one in attempts] == ["interrupted"]
    assert [(one["attempt_id"], bool(one["is_estimated"])) for one in ledger] == [(attempts[0]["id"], True)]
    assert ledger[0]["input_tokens"] > 0
    assert ledger[0]["output_tokens"] > 0
    assert model_stack.pids("generation_service") != [before]
    assert len(vendor.requests) == 1


async def test_a_cancelled_run_leaves_its_provider_and_is_charged_by_estimate(
    model_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    run_id = await long_run(author, vendor)
    live: list[str] = []

    async with asyncio.timeout(BACK_SECONDS), aclosing(author.frames(run_id)) as frames:
        async for frame in frames:
            live.append(frame)
            if len(live) == 20:
                await author.client.expect(202, "POST", f"/api/v1/runs/{run_id}/cancel")
    await until(lambda: vendor.requests[0].has_client_left, seconds=2)
    ledger = model_stack.rows("generation", "SELECT * FROM usage_ledger WHERE run_id = ?", run_id)

    assert "\nevent: done\n" in live[-1]
    assert data_of(live[-1])["run"]["state"] == "cancelled"
    assert await author.replay(run_id) == live
    assert [bool(one["is_estimated"]) for one in ledger] == [True]
    assert ledger[0]["output_tokens"] > 0
    assert vendor.requests[0].chunks_sent < LEAST_EVENTS
    again = await author.client.expect(202, "POST", f"/api/v1/runs/{run_id}/cancel")
    assert again.body["state"] == "cancelled"


async def test_a_redis_that_forgets_everything_in_mid_stream_loses_nothing(
    model_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    run_id = await long_run(author, vendor)
    live: list[str] = []

    async with asyncio.timeout(BACK_SECONDS), aclosing(author.frames(run_id)) as frames:
        async for frame in frames:
            live.append(frame)
            if len(live) in {10, 60, 110}:
                model_stack.flush_redis()

    assert data_of(live[-1])["run"]["state"] == "succeeded"
    assert len(live) > LEAST_EVENTS
    assert await author.replay(run_id) == live


async def test_a_reader_who_leaves_does_not_end_the_run(vendor: FakeProcess, author: Person) -> None:
    run_id = await long_run(author, vendor, chunk_seconds=0.005)

    async with aclosing(author.frames(run_id)) as frames:
        async for _ in frames:
            break
    await until(lambda: vendor.requests[0].is_finished, seconds=20)
    whole = await author.replay(run_id)

    assert data_of(whole[-1])["run"]["state"] == "succeeded"
    assert not vendor.requests[0].has_client_left
