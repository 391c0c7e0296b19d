"""Writing an attempt down, whatever happens to the one who waits for it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TypeVar

from servicekit.errors import SphereError
from servicekit.tasks import TaskRegistry

from generation_service.dashscope.attempts import (
    AttemptLog,
    AttemptOutcome,
    AttemptStart,
    AttemptState,
    Usage,
)
from generation_service.dashscope.calls import ModelCall, text_of
from generation_service.dashscope.failures import AttemptFailed
from generation_service.dashscope.policy import ModelPolicy
from generation_service.dashscope.wire.replies import Reply
from generation_service.text.tokens import estimate_tokens

_MESSAGE_OVERHEAD_TOKENS = 4

T = TypeVar("T")


@dataclass(slots=True)
class Recorder:
    """One attempt's row: begun before the call, ended exactly once.

    Both writes run as tasks of the registry, so that a cancelled caller cannot cut them in half.
    """

    log: AttemptLog
    tasks: TaskRegistry
    policy: ModelPolicy
    start: AttemptStart
    reply: Reply
    upstream_request_id: str | None = None
    is_sent: bool = False
    attempt_id: str = field(default="", init=False)

    async def begin(self) -> None:
        """Write the row. Raises what the log raises to forbid the call."""
        writing = self.tasks.spawn("attempt_begin", _caught(self.log.begin(self.start)))
        try:
            result = await asyncio.shield(writing)
        except asyncio.CancelledError:
            self.tasks.spawn("attempt_abandon", self._abandon(writing))
            raise
        if isinstance(result, SphereError):
            raise result
        self.attempt_id = str(result)

    async def end(self, state: AttemptState, failure: AttemptFailed | None = None) -> Usage:
        """Complete the row and return its usage."""
        usage = self._usage(failure)
        reason = None if failure is None else failure.error.reason
        request_id = self.upstream_request_id or (failure.upstream_request_id if failure else None)
        if request_id is not None:  # a header may hold any byte, a row only text
            request_id = request_id.encode("ascii", "ignore").decode().replace("\x00", "")
        outcome = AttemptOutcome(state, usage, error_reason=reason, upstream_request_id=request_id)
        await asyncio.shield(self.tasks.spawn("attempt_end", self.log.end(self.attempt_id, outcome)))
        return usage

    async def _abandon(self, writing: "asyncio.Task[object]") -> None:
        attempt_id = await writing
        if isinstance(attempt_id, str):
            await self.log.end(attempt_id, AttemptOutcome("cancelled", Usage()))

    def _usage(self, failure: AttemptFailed | None) -> Usage:
        reported, spoken = self.reply.usage, self.reply.spoken
        was_refused = failure is not None and failure.is_refusal and not spoken
        if reported.is_empty and (was_refused or not self.is_sent):
            return Usage()
        input_tokens, output_tokens, is_estimated = reported.input_tokens, reported.output_tokens, False
        if input_tokens is None:
            input_tokens, is_estimated = self.start.estimated_input_tokens, True
        if output_tokens is None or reported.heard_pieces < len(spoken):
            # Counted before the last words, or not at all: at least what we heard.
            output_tokens, is_estimated = max(output_tokens or 0, estimate_tokens("".join(spoken))), True
        cached_tokens = min(reported.cached_tokens, input_tokens)
        cost = self.policy.cost(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
            is_thinking=self.reply.has_reasoning,
        )
        return Usage(input_tokens, output_tokens, cached_tokens, cost=cost, estimated=is_estimated)


def estimate_input_tokens(call: ModelCall) -> int:
    """The estimated input of a call, in tokens."""
    return sum(estimate_tokens(text_of(message)) + _MESSAGE_OVERHEAD_TOKENS for message in call.messages)


async def _caught(coro: Coroutine[object, object, T]) -> T | SphereError:
    """The result or the refusal; a refusal is an answer here, not a task that failed."""
    try:
        return await coro
    except SphereError as error:
        return error
