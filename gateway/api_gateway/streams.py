"""Server-sent events of a run: relayed from its backend, kept alive, taken up again when the backend is lost."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import orjson
from promptsphere.generation.v1 import runs_pb2
from servicekit.errors import SphereError, Unavailable
from servicekit.log import get_logger

from api_gateway.backends import Backends

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HEARTBEAT: Final = b": heartbeat\n\n"
DRAINING: Final = b": draining\n\n"
END_EVENTS: Final = frozenset({"done", "error"})

EndData = Callable[[runs_pb2.StreamRunResponse], bytes]
"""Makes the JSON object of an end event from its run."""

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

    def _events(self, run_id: str, after_id: int) -> AsyncGenerator[runs_pb2.StreamRunResponse]:
        request = runs_pb2.StreamRunRequest(id=run_id, after_id=after_id)
        return self.backends.runs.StreamRun(request)  # type: ignore[return-value]  # our channel's generator


@dataclass(slots=True)
class OpenStream:
    """A run's events after an id; `first` was read already, when it is there."""

    relay: StreamRelay
    events: AsyncGenerator[runs_pb2.StreamRunResponse]
    first: runs_pb2.StreamRunResponse | None
    run_id: str
    after_id: int

    async def frames(self, end_data: EndData) -> AsyncIterator[bytes]:
        """Frames for the wire until the end event; what is ready goes out as one chunk.

        Heartbeats keep proxies from closing a silent stream. A lost backend is taken up again after the last id; when
        that fails for too long the stream just ends, and the client resumes with `Last-Event-ID`.
        """
        queue: asyncio.Queue[runs_pb2.StreamRunResponse | None] = asyncio.Queue(maxsize=256)
        pump = asyncio.get_running_loop().create_task(self._fill(queue), name="stream-relay")
        drain = asyncio.get_running_loop().create_task(self.relay.draining.wait(), name="stream-drain")
        try:
            async for chunk in self._chunks(queue, drain, end_data):
                yield chunk
        finally:
            for task in (pump, drain):
                task.cancel()
            await asyncio.gather(pump, drain, return_exceptions=True)

    async def _chunks(
        self,
        queue: asyncio.Queue[runs_pb2.StreamRunResponse | None],
        drain: asyncio.Task[object],
        end_data: EndData,
    ) -> AsyncIterator[bytes]:
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

    async def _fill(self, queue: asyncio.Queue[runs_pb2.StreamRunResponse | None]) -> None:
        """Put every event into the queue, then None; across backends when one is lost."""
        last_id = self.after_id
        try:
            is_ended = False
            if self.first is not None:
                last_id = self.first.id
                await queue.put(self.first)
                is_ended = self.first.event in END_EVENTS
            lost_at: float | None = None
            while not is_ended:
                try:
                    async with aclosing(self.events) as events:
                        async for event in events:
                            last_id, lost_at = event.id, None
                            await queue.put(event)
                            is_ended = event.event in END_EVENTS
                    is_ended = True
                except Unavailable:
                    lost_at = lost_at or time.monotonic()
                    if time.monotonic() - lost_at > self.relay.reattach_seconds:
                        _log.warning("stream backend stayed away", run_id=self.run_id)
                        break
                    await asyncio.sleep(0.2)
                    self.events = self.relay._events(self.run_id, last_id)  # noqa: SLF001 - the relay's other half
        except SphereError as error:
            _log.warning("stream ended early", run_id=self.run_id, reason=error.reason)
        finally:
            await queue.put(None)


def frame(event: runs_pb2.StreamRunResponse, end_data: EndData) -> bytes:
    """One event as the wire wants it: `id:`, `event:`, `data:` with one JSON object on one line."""
    data = end_data(event) if event.event in END_EVENTS else _one_line(event.data_json)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.event.encode("ascii"), data)


def _one_line(data_json: str) -> bytes:
    data = data_json.encode()
    if b"\n" in data or b"\r" in data:
        return orjson.dumps(orjson.loads(data))
    return data
