"""The door itself: a call goes in, events come out; every attempt is bounded, paced, fused, written down."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from servicekit.json_types import JsonObject
from servicekit.tasks import TaskRegistry

from generation_service.dashscope.attempts import AttemptLog, AttemptStart
from generation_service.dashscope.calls import (
    Completion,
    Finished,
    ModelCall,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    UsageEvent,
)
from generation_service.dashscope.failures import AttemptFailed, protocol_error
from generation_service.dashscope.guards.fair_queue import FairQueue
from generation_service.dashscope.guards.model_breaker import ModelBreaker
from generation_service.dashscope.guards.recorder import Recorder, estimate_input_tokens
from generation_service.dashscope.limits import Backoff, Limits
from generation_service.dashscope.policy import Policy
from generation_service.dashscope.vendor_codes import Pause
from generation_service.dashscope.wire.body import BodyReader
from generation_service.dashscope.wire.deltas import ReadTimeout, read_deltas
from generation_service.dashscope.wire.payload import build_payload
from generation_service.dashscope.wire.replies import Reply
from generation_service.dashscope.wire.transport import Endpoint, Transport, open_transport

_ATTEMPT_FLOOR_SECONDS = 0.5
_ROWS_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a call is made: whose rows, whose place in the fair queue, and until when (loop time)."""

    attempts: AttemptLog
    tenant: str = ""
    deadline: float = float("inf")


@dataclass(frozen=True, slots=True)
class _Request:
    call: ModelCall
    caller: Caller
    payload: bytes
    deadline: float


class DashScopeDoor:
    """One account at the provider; made once per process by `open_door`."""

    def __init__(self, transport: Transport, policy: Policy, tasks: TaskRegistry) -> None:
        self.policy = policy
        self.limits = transport.limits
        self._transport = transport
        self._tasks = tasks
        self._queue = FairQueue(transport.limits.max_concurrency, transport.limits.max_waiting)
        self._breakers: dict[str, ModelBreaker] = {}

    async def stream(self, call: ModelCall, caller: Caller) -> AsyncGenerator[ModelEvent, None]:
        """Stream an answer: deltas, then `UsageEvent`, then `Finished`, which alone means success.

        Close it (`aclosing`) when leaving early: that ends the exchange and the attempt's row.

        Raises:
            SphereError: the typed failure, with a `model_*` reason; or what `caller.attempts` refuses with.
        """
        payload = build_payload(call, self.policy.model(call.model), is_stream=True)
        deadline = self._deadline(self.limits.run_timeout_seconds, caller)
        async with aclosing(self._tries(_Request(call, caller, payload, deadline))) as events:
            async for event in events:
                yield event

    async def complete(
        self, call: ModelCall, caller: Caller, *, response_format: JsonObject | None = None
    ) -> Completion:
        """Ask for a whole answer, in `structured_timeout_seconds` at most. Raises as `stream` does."""
        policy = self.policy.model(call.model)
        payload = build_payload(call, policy, is_stream=False, response_format=response_format)
        deadline = self._deadline(self.limits.structured_timeout_seconds, caller)
        text: list[str] = []
        completion = None
        usage = None
        async with aclosing(self._tries(_Request(call, caller, payload, deadline))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text.append(event.text)
                elif isinstance(event, UsageEvent):
                    usage = event.usage
                elif isinstance(event, Finished) and usage is not None:
                    completion = Completion("".join(text), event.finish_reason, usage)
        if completion is None:
            raise protocol_error("no end", model=call.model).error
        return completion

    def bounded(self, caller: Caller, seconds: float) -> Caller:
        """The caller with a deadline at most `seconds` from now."""
        return replace(caller, deadline=self._deadline(seconds, caller))

    def _deadline(self, seconds: float, caller: Caller) -> float:
        return min(asyncio.get_running_loop().time() + seconds, caller.deadline)

    async def _tries(self, request: _Request) -> AsyncGenerator[ModelEvent, None]:
        for number in range(1, self.limits.max_attempts + 1):
            has_relayed = False
            try:
                async with aclosing(self._attempt(request, number)) as events:
                    async for event in events:
                        has_relayed = True
                        yield event
            except AttemptFailed as failure:
                wait_seconds = self._wait_seconds(failure, request.deadline)
                if has_relayed or number == self.limits.max_attempts or wait_seconds is None:
                    raise failure.error from failure
            else:
                return
            await asyncio.sleep(wait_seconds)

    def _wait_seconds(self, failure: AttemptFailed, deadline: float) -> float | None:
        """How long to wait before the next attempt; None when there shall be none."""
        base = _base_seconds(failure.pause, self.limits.backoff)
        if base is None:
            return None
        jitter = 1 + self.limits.backoff.jitter_ratio * random.random()  # noqa: S311 - spreading, not secrecy
        wait_seconds = max(base * jitter, failure.retry_after_seconds or 0.0)
        ends_at = asyncio.get_running_loop().time() + wait_seconds + _ATTEMPT_FLOOR_SECONDS
        return wait_seconds if ends_at < deadline else None

    async def _attempt(self, request: _Request, number: int) -> AsyncGenerator[ModelEvent, None]:
        call = request.call
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._queue.slot(request.caller.tenant, deadline=request.deadline))
            stack.enter_context(self._breaker_of(call.model).pass_through())
            recorder = Recorder(
                request.caller.attempts,
                self._tasks,
                self.policy.model(call.model),
                AttemptStart(call.model, call.purpose, number, estimate_input_tokens(call)),
                Reply(call.model),
            )
            await recorder.begin()
            async with aclosing(self._recorded(request, recorder)) as events:
                async for event in events:
                    yield event

    async def _recorded(self, request: _Request, recorder: Recorder) -> AsyncGenerator[ModelEvent, None]:
        try:
            async with aclosing(self._exchange(request, recorder)) as deltas:
                async for delta in deltas:
                    yield delta
            finish_reason = recorder.reply.check_end()
        except AttemptFailed as failure:
            await recorder.end("failed", failure)
            raise
        except BaseException:
            # Cancelled, or left by the reader, or a defect of ours: in each case the row must not stay open.
            await recorder.end("cancelled")
            raise
        usage = await recorder.end("succeeded")
        yield UsageEvent(usage)
        yield Finished(finish_reason)

    async def _exchange(
        self, request: _Request, recorder: Recorder
    ) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
        reply, model = recorder.reply, request.call.model
        body = BodyReader(self.limits.max_line_bytes, self.limits.max_body_bytes)
        read_timeout = ReadTimeout(self.limits, reply, body, asyncio.get_running_loop().time())
        recorder.is_sent = True
        async with self._transport.exchange(request.payload, model=model, deadline=request.deadline) as response:
            recorder.upstream_request_id = response.headers.get("x-request-id")
            chunks = self._transport.read(
                response,
                model=model,
                wait_seconds=read_timeout.wait_seconds,
                is_silent=lambda: read_timeout.is_silent,
                deadline=request.deadline,
            )
            async with aclosing(read_deltas(chunks, body, reply)) as deltas:
                async for delta in deltas:
                    yield delta

    def _breaker_of(self, model: str) -> ModelBreaker:
        return self._breakers.setdefault(model, ModelBreaker(model, self.limits))


def _base_seconds(pause: Pause, backoff: Backoff) -> float | None:
    return {
        Pause.CONNECT: backoff.connect_seconds,
        Pause.SERVER_ERROR: backoff.server_error_seconds,
        Pause.RATE: backoff.rate_seconds,
        Pause.BURST: backoff.burst_seconds,
        Pause.ALLOCATION: backoff.allocation_seconds,
    }.get(pause)


@asynccontextmanager
async def open_door(
    endpoint: Endpoint, policy: Policy, *, limits: Limits | None = None
) -> AsyncIterator[DashScopeDoor]:
    """The door to one account; on leaving, rows that are being written are completed first."""
    tasks = TaskRegistry()
    async with open_transport(endpoint, limits or Limits()) as transport:
        try:
            yield DashScopeDoor(transport, policy, tasks)
        finally:
            await tasks.close(grace_seconds=_ROWS_GRACE_SECONDS)
