import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from promptsphere.generation.v1 import runs_pb2, runs_pb2_grpc
from servicekit.rpc.client import Channel, Outgoing, set_outgoing
from servicekit.testing.rpc import CREDENTIAL, Testbed

REQUEST = runs_pb2.StreamRunRequest()


@pytest.fixture
async def runs_of(testbed: Testbed) -> AsyncIterator[Any]:
    channel: Any = Channel(f"127.0.0.1:{testbed.port}", credential=CREDENTIAL)
    set_outgoing(Outgoing(testbed.as_user()))
    yield runs_pb2_grpc.RunsServiceStub(channel)
    await channel.close()


async def endless(_request: object) -> AsyncIterator[runs_pb2.StreamRunResponse]:
    number = 0
    while True:
        number += 1
        yield runs_pb2.StreamRunResponse(id=number, event="delta", data_json="x" * 1000)
        await asyncio.sleep(0)


async def silent(_request: object) -> AsyncIterator[runs_pb2.StreamRunResponse]:
    yield runs_pb2.StreamRunResponse(id=1)
    await asyncio.Event().wait()


async def none_live(system: Any) -> None:
    async with asyncio.timeout(2):
        while system.live_handlers:  # noqa: ASYNC110 - the server's doing, which tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("stream", [endless, silent])
async def test_a_stream_that_is_left_frees_its_handler_at_once(system: Any, runs_of: Any, stream: Any) -> None:
    system.stream = stream

    for _ in range(20):
        async with aclosing(runs_of.StreamRun(REQUEST)) as events:
            await anext(events)
            assert system.live_handlers >= 1

    await none_live(system)


async def test_the_handlers_are_as_many_as_the_open_streams(system: Any, runs_of: Any) -> None:
    system.stream = silent
    opened = [runs_of.StreamRun(REQUEST) for _ in range(30)]
    await asyncio.gather(*(anext(events) for events in opened))
    assert system.live_handlers == 30

    await asyncio.gather(*(events.aclose() for events in opened[:20]))
    async with asyncio.timeout(2):
        while system.live_handlers > 10:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.005)
    assert system.live_handlers == 10

    await asyncio.gather(*(events.aclose() for events in opened[20:]))
    await none_live(system)


async def test_a_reader_that_never_reads_frees_its_handler_when_it_leaves(system: Any, runs_of: Any) -> None:
    system.stream = endless
    events = runs_of.StreamRun(REQUEST)
    await anext(events)
    await asyncio.sleep(0.1)  # long enough for the handler to be held up by flow control

    await events.aclose()

    await none_live(system)


async def test_a_cancelled_reader_frees_the_handler(system: Any, runs_of: Any) -> None:
    system.stream = silent
    got_one = asyncio.Event()

    async def read() -> None:
        async with aclosing(runs_of.StreamRun(REQUEST)) as events:
            async for _ in events:
                got_one.set()

    task = asyncio.create_task(read())
    await got_one.wait()
    task.cancel()

    await asyncio.gather(task, return_exceptions=True)
    await none_live(system)


async def test_a_stream_that_ends_by_itself_frees_its_handler(system: Any, runs_of: Any) -> None:
    async def three(_request: object) -> AsyncIterator[runs_pb2.StreamRunResponse]:
        for number in (1, 2, 3):
            yield runs_pb2.StreamRunResponse(id=number)

    system.stream = three

    assert [one.id async for one in runs_of.StreamRun(REQUEST)] == [1, 2, 3]
    assert system.live_handlers == 0
