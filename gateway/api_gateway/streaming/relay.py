"""A run's events relayed from its backend: kept alive, taken up again when the backend is lost."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from servicekit.errors import SphereError, Unavailable
from servicekit.log import get_logger

from api_gateway.backends import Backends, RunEvent
from api_gateway.streaming.sse import DRAINING, END_EVENTS, HEARTBEAT, EndData, frame

ATTACHED_SECONDS: Final = 26.0
REATTACH_PAUSE_SECONDS: Final = 0.2

_log = get_logger()


@dataclass(frozen=True, slots=True)
class StreamRelay:
    """How event streams behave, and the signal that ends them at shutdown."""

    backends: Backends
    heartbeat_seconds: float
    reattach_seconds: float
    draining: asyncio.Event

    def open(self, run_id: str, after_id: int) -> "OpenStream":
        """The stream of a run that is under way; nothing is waited for, so headers can go out at once."""
        return OpenStream(self, self._events(run_id, after_id), None, run_id, after_id)

    async def replay(self, run_id: str, after_id: int) -> "OpenStream | None":
        """The stream of a run that has ended; None when nothing comes after that id.

        Raises:
            SphereError: the run is not there, not the caller's, or the backend is away.
        """
        events = self._events(run_id, after_id)
        try:
            first = await anext(events, None)
        except BaseException:
            await events.aclose()
            raise
        if first is None:
            await events.aclose()
            return None
        return OpenStream(self, events, first, run_id, after_id)

    def _events(self, run_id: str, after_id: int) -> AsyncGenerator[RunEvent]:
        return self.backends.run_events(run_id, after_id)


@dataclass(slots=True)
class OpenStream:
    """A run's events after an id; `first` was read already, when it is there."""

    relay: StreamRelay
    events: AsyncGenerator[RunEvent]
    first: RunEvent | None
    run_id: str
    after_id: int

    async def frames(self, end_data: EndData) -> AsyncGenerator[bytes]:
        """Frames for the wire until the end event; what is ready goes out as one chunk.

        Heartbeats keep proxies from closing a silent stream. A lost backend is taken up again after the last id; when
        that fails for too long the stream just ends, and the client resumes with `Last-Event-ID`.
        """
        queue: asyncio.Queue[RunEvent | None] = asyncio.Queue(maxsize=256)
        pump = asyncio.get_running_loop().create_task(self._fill(queue), name="stream-relay")
        drain = asyncio.get_running_loop().create_task(self.relay.draining.wait(), name="stream-drain")
        try:
            async with aclosing(self._chunks(queue, drain, end_data)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            for task in (pump, drain):
                task.cancel()
            await asyncio.gather(pump, drain, return_exceptions=True)

    async def close(self) -> None:
        """Cancel the call to the backend, also when no frame was ever asked for."""
        await self.events.aclose()

    async def _chunks(
        self,
        queue: asyncio.Queue[RunEvent | None],
        drain: asyncio.Task[object],
        end_data: EndData,
    ) -> AsyncGenerator[bytes]:
        while True:
            taken = asyncio.ensure_future(queue.get())
            try:
                await asyncio.wait(
                    {taken, drain},
                    timeout=self.relay.heartbeat_seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                if not taken.done():
                    taken.cancel()
            if not taken.done() or taken.cancelled():
                if drain.done():
                    yield DRAINING
                    return
                yield HEARTBEAT
                continue
            ready = [taken.result()]
            while not queue.empty():
                ready.append(queue.get_nowait())
            yield b"".join(frame(event, end_data) for event in ready if event is not None)
            if ready[-1] is None or ready[-1].event in END_EVENTS:
                return

    async def _fill(self, queue: asyncio.Queue[RunEvent | None]) -> None:
        """Put every event into the queue, then None; across backends when one is lost."""
        lost_at: float | None = None
        try:
            if self.first is not None:
                await self._pass_on(self.first, queue)
            while True:
                attached_at = time.monotonic()
                try:
                    async with aclosing(self.events) as events:
                        async for event in events:
                            lost_at = None
                            await self._pass_on(event, queue)
                    break
                except Unavailable:
                    now = time.monotonic()
                    # So long a silence was an attachment: keepalive finds a lost connection sooner.
                    lost_at = now if lost_at is None or now - attached_at > ATTACHED_SECONDS else lost_at
                    if now - lost_at > self.relay.reattach_seconds:
                        _log.warning("stream backend stayed away", run_id=self.run_id)
                        break
                    await asyncio.sleep(REATTACH_PAUSE_SECONDS)
                    self.events = self.relay._events(self.run_id, self.after_id)  # noqa: SLF001 - its other half
        except SphereError as error:
            _log.warning("stream ended early", run_id=self.run_id, reason=error.reason)
        # Not in a `finally`: when cancelled nobody reads any more, and a full queue would hold the task for ever.
        await queue.put(None)

    async def _pass_on(self, event: RunEvent, queue: asyncio.Queue[RunEvent | None]) -> None:
        self.after_id = event.id
        await queue.put(event)
