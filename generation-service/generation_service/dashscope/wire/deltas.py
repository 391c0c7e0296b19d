"""Reading one reply to its end: bytes to frames to deltas, and how long to wait for the next byte."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from generation_service.dashscope.calls import ReasoningDelta, TextDelta
from generation_service.dashscope.failures import AttemptFailed, protocol_error
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.wire.body import BodyReader
from generation_service.dashscope.wire.replies import Reply
from generation_service.dashscope.wire.sse import MalformedStream


@dataclass(slots=True)
class ReadTimeout:
    """How long the next byte may take, by what has come already; `started_at` is loop time.

    Silence is measured from the last text and not from the last byte: a provider that only keeps the line warm hangs.
    Reasoning is text in this sense, until there has been nothing else for `reasoning_timeout_seconds`.
    """

    limits: Limits
    reply: Reply
    body: BodyReader
    started_at: float
    _heard_pieces: int = 0
    _heard_at: float | None = None
    _text_pieces: int = 0
    _text_at: float = 0.0

    @property
    def is_silent(self) -> bool:
        """True when the provider has nothing to say, False when it talks beyond a limit of ours."""
        if self._heard_at is None or not self.reply.spoken:
            return True
        return asyncio.get_running_loop().time() >= self._heard_at + self.limits.idle_timeout_seconds

    def wait_seconds(self) -> float:
        """Seconds from now."""
        if self.reply.is_done:
            return self.limits.drain_timeout_seconds
        if self.reply.is_complete:
            return self.limits.usage_timeout_seconds
        now = asyncio.get_running_loop().time()
        if not self.body.has_begun:
            first_by = self.started_at + self.limits.connect_timeout_seconds + self.limits.first_byte_timeout_seconds
            return max(first_by - now, 0.0)
        if self._heard_at is None or len(self.reply.spoken) != self._heard_pieces:
            if self._heard_at is None or self.reply.text_pieces != self._text_pieces:
                self._text_at, self._text_pieces = now, self.reply.text_pieces
            self._heard_at, self._heard_pieces = now, len(self.reply.spoken)
        ends_at = self._heard_at + self.limits.idle_timeout_seconds
        return max(min(ends_at, self._text_at + self.limits.reasoning_timeout_seconds) - now, 0.0)


async def read_deltas(
    chunks: AsyncGenerator[bytes, None], body: BodyReader, reply: Reply
) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
    """The deltas of a reply. What goes wrong after its finish reason is let go: the answer is complete.

    Raises:
        AttemptFailed: it stalls, breaks off, reports an error or cannot be understood.
    """
    try:
        async with aclosing(_deltas(chunks, body, reply)) as deltas:
            async for delta in deltas:
                yield delta
    except MalformedStream as error:
        if reply.is_broken:
            raise protocol_error(str(error), model=reply.model) from error
    except AttemptFailed as failure:
        if reply.is_broken or failure.is_refusal:
            raise


async def _deltas(
    chunks: AsyncGenerator[bytes, None], body: BodyReader, reply: Reply
) -> AsyncGenerator[TextDelta | ReasoningDelta, None]:
    async with aclosing(chunks):
        async for chunk in chunks:
            for frame in body.feed(chunk):
                for delta in reply.take(frame):
                    yield delta
            if reply.is_done and reply.is_broken:
                return
    for frame in body.finish():
        for delta in reply.take(frame):
            yield delta
