"""Every attempt is written down before the call and completed whatever happens, cancellation included."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest
import structlog
from generation_service.dashscope.attempts import AttemptStart
from generation_service.dashscope.calls import ModelCall, ReasoningDelta, TextDelta, user
from generation_service.dashscope.client import ModelClient
from generation_service.dashscope.door import Caller, DashScopeDoor
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.wire.transport import Endpoint
from generation_service_testing import MemoryAttempts
from servicekit.errors import ResourceExhausted, SphereError
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind

CALL = ModelCall("qwen-plus", (user("Tell me something about careful engineering, please"),), "test")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that only the other side of a socket can tell."""
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110 - no event of ours goes with it
            await asyncio.sleep(0.005)


class RefusingAttempts(MemoryAttempts):
    """A budget that is used up."""

    async def begin(self, attempt: AttemptStart) -> str:
        raise ResourceExhausted(f"The budget does not allow {attempt.model}.", reason="budget_exhausted")


async def test_a_refused_row_means_no_call(fake_dashscope: FakeDashScope, door: DashScopeDoor) -> None:
    with pytest.raises(ResourceExhausted) as raised:
        await door.complete(CALL, Caller(RefusingAttempts()))

    assert raised.value.reason == "budget_exhausted"
    assert fake_dashscope.requests == []


@pytest.mark.parametrize("kind", [FaultKind.HANG_BEFORE_HEADERS, FaultKind.HANG_MID_STREAM])
async def test_cancelling_stops_the_provider_and_completes_the_row(
    fake_dashscope: FakeDashScope, door: DashScopeDoor, rows: MemoryAttempts, kind: FaultKind
) -> None:
    fake_dashscope.script(Fault(kind))
    begun = asyncio.Event()

    async def read() -> None:
        async for event in door.stream(CALL, Caller(rows)):
            if isinstance(event, TextDelta):
                begun.set()

    task = asyncio.ensure_future(read())
    if kind is FaultKind.HANG_MID_STREAM:
        await begun.wait()
    else:
        await until(lambda: bool(fake_dashscope.requests))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: fake_dashscope.requests[0].has_client_left)

    assert task.cancelled()
    assert [row.state for row in rows.ended] == ["cancelled"]
    assert rows.ended[0].usage.estimated
    assert rows.ended[0].usage.input_tokens > 0


async def test_leaving_the_stream_early_completes_the_row(
    fake_dashscope: FakeDashScope, door: DashScopeDoor, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(Fault(FaultKind.HANG_MID_STREAM))

    async with aclosing(door.stream(CALL, Caller(rows))) as events:
        first = await anext(events)
    await until(lambda: fake_dashscope.requests[0].has_client_left)

    assert isinstance(first, TextDelta)
    assert [row.state for row in rows.ended] == ["cancelled"]


async def test_a_slow_answer_that_outlives_the_run_is_a_timeout(
    fake_dashscope: FakeDashScope, door: DashScopeDoor, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(Fault(FaultKind.SLOW, seconds=0.05))
    deadline = asyncio.get_running_loop().time() + 0.3

    with pytest.raises(SphereError) as raised:
        _ = [event async for event in door.stream(CALL, Caller(rows, deadline=deadline))]

    assert raised.value.reason == "model_timeout"
    assert len(rows.ended) == 1


async def test_thinking_is_marked_apart_and_priced(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts
) -> None:
    call = ModelCall("qwen-plus", (user("hello"),), "test", thinking=True)
    events = [event async for event in model_client.stream(call)]

    assert any(isinstance(event, ReasoningDelta) for event in events)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "You said: hello"
    usage = rows.ended[0].usage
    assert usage.output_tokens == fake_dashscope.requests[0].completion_tokens
    assert usage.cost == model_client.door.policy.model("qwen-plus").cost(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, is_thinking=True
    )


async def test_at_most_the_set_number_of_calls_runs_at_once(
    fake_dashscope: FakeDashScope, door: DashScopeDoor, rows: MemoryAttempts, short_limits: Limits
) -> None:
    fake_dashscope.script(*[Fault(FaultKind.DELAY, seconds=0.05)] * 40)

    await asyncio.gather(*(door.complete(CALL, Caller(rows, tenant=str(n % 3))) for n in range(40)))

    assert len(rows.ended) == len(fake_dashscope.requests) == 40
    assert short_limits.max_concurrency == 32


async def test_the_key_is_in_no_log_error_or_representation(
    fake_dashscope: FakeDashScope, door: DashScopeDoor, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(Fault(FaultKind.ERROR, error="invalid_api_key"))

    with structlog.testing.capture_logs() as logs, pytest.raises(SphereError) as raised:
        await door.complete(CALL, Caller(rows))

    shown = f"{logs} {raised.value!r} {raised.value.metadata} {raised.value.__cause__!r} {rows} {door._transport!r}"
    assert "sk-planted-canary" not in shown
    assert fake_dashscope.requests[0].key_tail == "nary"


@pytest.mark.parametrize("url", ["http://dashscope.example/v1", "ftp://127.0.0.1/v1", "/v1", "http://10.0.0.8/v1"])
def test_a_base_url_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DASHSCOPE_BASE_URL"):
        Endpoint(url, "sk-x")
