"""Bounded work: so many requests at once, so many waiting, then 503 with Retry-After; health is exempt."""

import asyncio

from prometheus_client import Gauge
from servicekit.errors import Unavailable
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api_gateway.problems.rendering import answer

EXEMPT = frozenset({"/livez", "/readyz", "/statusz"})
STREAMING_POSTS = frozenset({"/api/v1/runs", "/api/v1/assessments"})
WAIT_SECONDS = 2.0

_in_flight = Gauge("promptsphere_http_in_flight", "Requests being worked on, streams apart.")
_streams = Gauge("promptsphere_http_streams", "Event streams open.")


class Overload:
    """Turns work away before it piles up."""

    def __init__(self, app: ASGIApp, *, max_in_flight: int, max_waiting: int, max_streams: int) -> None:
        self._app = app
        self._slots = asyncio.Semaphore(max_in_flight)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._max_streams = max_streams
        self._open_streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, or refuse it."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
        elif _is_stream(scope):
            await self._stream(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open_streams >= self._max_streams:
            await _refuse(scope, receive, send)
            return
        self._open_streams += 1
        try:
            with _streams.track_inprogress():
                await self._app(scope, receive, send)
        finally:
            self._open_streams -= 1

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self._take_slot():
            await _refuse(scope, receive, send)
            return
        try:
            with _in_flight.track_inprogress():
                await self._app(scope, receive, send)
        finally:
            self._slots.release()

    async def _take_slot(self) -> bool:
        """False when too many wait already, or none came free in time."""
        if not self._slots.locked():
            return await self._slots.acquire()
        if self._waiting >= self._max_waiting:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._slots.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1


def _is_stream(scope: Scope) -> bool:
    path: str = scope["path"]
    if scope["method"] == "GET":
        return path.startswith("/api/v1/runs/") and path.endswith("/events")
    # Only where it is one: whoever just says so elsewhere must not get around the bound on requests.
    return path in STREAMING_POSTS and "text/event-stream" in Headers(scope=scope).get("accept", "")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Unavailable("The service is busy; try again in a moment.", reason="overloaded", retry_after_seconds=2)
    await answer(scope, error)(scope, receive, send)
