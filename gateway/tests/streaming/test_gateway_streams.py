"""Event streams, from the service's wire to the client's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from promptsphere.generation.v1 import runs_pb2
from servicekit.errors import NotFound, Unavailable

EVENTS = "/api/v1/runs/r1/events"
RUNNING = runs_pb2.GetRunResponse(
    run=runs_pb2.Run(id="r1", state=runs_pb2.RUN_STATE_RUNNING, kind=runs_pb2.RUN_KIND_GENERATE)
)
ENDED = runs_pb2.GetRunResponse(
    run=runs_pb2.Run(id="r1", state=runs_pb2.RUN_STATE_SUCCEEDED, kind=runs_pb2.RUN_KIND_GENERATE)
)


def delta(number: int, text: str = "字") -> runs_pb2.StreamRunResponse:
    return runs_pb2.StreamRunResponse(id=number, event="delta", data_json=json.dumps({"text": text}, indent=1))


def done(number: int) -> runs_pb2.StreamRunResponse:
    return runs_pb2.StreamRunResponse(id=number, event="done", run=ENDED.run)


def emitting(*events: Any) -> Any:
    """A backend that sends those after `after_id`; an exception among them is raised once, then gone."""
    left = list(events)

    async def stream(request: runs_pb2.StreamRunRequest) -> AsyncIterator[Any]:
        for one in list(left):
            if isinstance(one, Exception):
                left.remove(one)
                raise one
            if isinstance(one, asyncio.Event):
                await one.wait()
            elif one.id > request.after_id:
                yield one

    return stream


def frames_of(text: bytes) -> list[tuple[int, str, Any]]:
    found = []
    for block in text.decode().split("\n\n"):
        if block and not block.startswith(":"):
            identity, event, data = block.split("\n")
            found.append((int(identity.removeprefix("id: ")), event.removeprefix("event: "), json.loads(data[6:])))
    return found


@asynccontextmanager
async def opened(gateway: Any, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with gateway.client.get(gateway.url + EVENTS, headers=gateway.user() | headers) as answer:
        yield answer


async def gone(gateway: Any) -> None:
    """Neither the service nor the gateway works for a stream any more."""
    async with asyncio.timeout(3):
        while gateway.services.live_streams or relay_tasks():  # noqa: ASYNC110 - neither tells anybody
            await asyncio.sleep(0.005)


def relay_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() in {"stream-relay", "stream-drain"}]


@pytest.fixture
def running(gateway: Any) -> Any:
    gateway.services.does["GetRun"] = lambda _: RUNNING
    return gateway


async def test_events_are_framed_in_order_to_the_end_and_then_it_closes(running: Any) -> None:
    running.services.does["StreamRun"] = emitting(
        *(delta(number, f"行\n{number}") for number in range(1, 300)), done(300)
    )

    async with opened(running) as answer:
        text = await answer.read()

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-store", "no")
    found = frames_of(text)
    assert [one[0] for one in found] == list(range(1, 301))
    assert found[4] == (5, "delta", {"text": "行\n5"})
    assert (found[-1][1], found[-1][2]["run"]["state"]) == ("done", "succeeded")
    await gone(running)


async def test_last_event_id_is_where_it_goes_on(running: Any) -> None:
    running.services.does["StreamRun"] = emitting(*(delta(number) for number in range(1, 10)), done(10))

    async with opened(running, **{"Last-Event-ID": "7"}) as answer:
        found = frames_of(await answer.read())

    assert [one[0] for one in found] == [8, 9, 10]


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 19, "1 2"])
async def test_a_last_event_id_that_is_none_is_422(running: Any, given: str) -> None:
    async with opened(running, **{"Last-Event-ID": given}) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (422, "invalid_request")


async def test_after_the_end_of_a_finished_run_there_is_nothing(gateway: Any) -> None:
    gateway.services.does["GetRun"] = lambda _: ENDED
    gateway.services.does["StreamRun"] = emitting(delta(1), done(2))

    async with opened(gateway, **{"Last-Event-ID": "2"}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    async with opened(gateway, **{"Last-Event-ID": "1"}) as answer:
        assert [one[:2] for one in frames_of(await answer.read())] == [(2, "done")]
    await gone(gateway)


async def test_a_run_that_is_not_there_is_404(gateway: Any) -> None:
    gateway.services.does["GetRun"] = lambda _: NotFound("There is no such run, or it is not yours.")

    async with opened(gateway) as answer:
        assert answer.status == 404


async def test_headers_go_out_before_any_event(running: Any) -> None:
    release = asyncio.Event()
    running.services.does["StreamRun"] = emitting(release, done(1))

    async with opened(running) as answer:
        assert answer.status == 200
        release.set()
        assert frames_of(await answer.read())[0][1] == "done"


async def test_silence_is_filled_with_comments(start: Any) -> None:
    async with start(heartbeat_seconds=0.05) as gateway:
        release = asyncio.Event()
        gateway.services.does["GetRun"] = lambda _: RUNNING
        gateway.services.does["StreamRun"] = emitting(delta(1), release, done(2))

        async with opened(gateway) as answer:
            text = b""
            while text.count(b": heartbeat\n\n") < 3:
                text += await answer.content.readany()
            release.set()
            text += await answer.content.read()

        assert [one[0] for one in frames_of(text)] == [1, 2]


async def test_a_lost_backend_is_taken_up_again_after_the_last_id(running: Any) -> None:
    running.services.does["StreamRun"] = emitting(
        delta(1), delta(2), Unavailable("gone"), Unavailable("still"), delta(3), Unavailable("again"), done(4)
    )

    async with opened(running) as answer:
        found = frames_of(await answer.read())

    assert [one[0] for one in found] == [1, 2, 3, 4]
    asked = [request.after_id for request, _ in running.services.arrived["StreamRun"]]
    assert asked == [0, 2, 2, 3]


async def test_a_backend_that_stays_away_ends_the_stream_without_an_end_event(start: Any) -> None:
    async with start(reattach_seconds=0.5) as gateway:
        gateway.services.does["GetRun"] = lambda _: RUNNING
        gateway.services.does["StreamRun"] = emitting(delta(1), *(Unavailable(str(n)) for n in range(99)))

        async with opened(gateway) as answer:
            found = frames_of(await answer.read())

        assert [one[:2] for one in found] == [(1, "delta")]
        await gone(gateway)


async def endless(_request: object) -> AsyncIterator[Any]:
    number = 0
    while True:
        number += 1
        yield delta(number, "x" * 4000)
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "flooding"])
async def test_a_client_that_leaves_frees_everything_at_once(running: Any, is_silent: Any) -> None:
    running.services.does["StreamRun"] = emitting(delta(1), asyncio.Event()) if is_silent else endless

    for _ in range(10):
        async with opened(running) as answer:
            await answer.content.readany()
            answer.close()

    await gone(running)


async def test_a_client_that_never_reads_and_then_leaves_frees_everything(running: Any) -> None:
    running.services.does["StreamRun"] = endless
    host, port = running.url.removeprefix("http://").split(":")
    token = running.user()["Authorization"]
    _, writer = await asyncio.open_connection(host, int(port), limit=1024)
    transport: Any = writer.transport
    transport.pause_reading()
    writer.write(f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        while "stream-relay" not in relay_tasks() or not running.services.live_streams:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)  # until every buffer on the way is full

    transport.abort()

    await gone(running)


async def test_shutting_down_says_so_and_closes(running: Any) -> None:
    running.services.does["StreamRun"] = emitting(delta(1), asyncio.Event())

    async with opened(running) as answer:
        first = await answer.content.readany()
        running.app.state.draining.set()
        rest = await answer.content.read()

    assert frames_of(first)[0][0] == 1
    assert rest.endswith(b": draining\n\n")
    await gone(running)


async def test_a_run_can_be_started_and_followed_in_one(gateway: Any) -> None:
    gateway.services.does["CreateRun"] = lambda _: runs_pb2.CreateRunResponse(run=RUNNING.run)
    gateway.services.does["StreamRun"] = emitting(delta(1), done(2))
    body = {"kind": "generate", "input": {"description": "客服智能体"}}

    status, headers, text = await gateway.ask(
        "POST", "/api/v1/runs", json=body, headers=gateway.user() | {"Accept": "text/event-stream"}
    )

    assert (status, headers["Location"]) == (200, "/api/v1/runs/r1")
    assert [one[1] for one in frames_of(text)] == ["delta", "done"]


async def test_a_started_run_has_location_and_etag(gateway: Any) -> None:
    run = runs_pb2.Run(id="r1", state=runs_pb2.RUN_STATE_QUEUED, kind=runs_pb2.RUN_KIND_GENERATE, row_version=1)
    gateway.services.does["CreateRun"] = lambda _: runs_pb2.CreateRunResponse(run=run)
    body = {"kind": "generate", "input": {"description": "客服智能体"}}

    status, headers, said = await gateway.ask("POST", "/api/v1/runs", json=body, headers=gateway.user())

    assert (status, headers["Location"], headers["ETag"]) == (202, "/api/v1/runs/r1", '"1"')
    assert said["state"] == "queued"


async def test_the_end_of_a_failed_run_is_a_problem_in_the_readers_language(running: Any) -> None:
    failed = runs_pb2.Run(id="r1", state=runs_pb2.RUN_STATE_FAILED, kind=runs_pb2.RUN_KIND_GENERATE)
    failed.error.reason, failed.error.message = "model_stream_cut", "The model stopped."
    running.services.does["StreamRun"] = emitting(runs_pb2.StreamRunResponse(id=1, event="error", run=failed))

    async with opened(running, **{"Accept-Language": "zh-CN"}) as answer:
        ((_, event, data),) = frames_of(await answer.read())

    assert (event, data["problem"]["code"], data["run"]["state"]) == ("error", "model_stream_cut", "failed")
    assert "模型" in data["problem"]["detail"]
    assert data["problem"] == data["run"]["error"]
