"""Bounded work: so many requests at once, so many waiting, then 503 with Retry-After; health is exempt.

Only work counts: while a body is under way, and once an answer begins, the client sets the pace, and holds no place.
"""

import asyncio
from dataclasses import dataclass

from prometheus_client import Gauge
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_gateway.forwarded import client_ip
from api_gateway.middleware.pending_bodies import PendingBodies, PendingBody, overloaded
from api_gateway.problems.rendering import answer

EXEMPT = frozenset({"/livez", "/readyz", "/statusz"})
STREAMING_POSTS = frozenset({"/api/v1/runs", "/api/v1/assessments"})
WAIT_SECONDS = 2.0

_in_flight = Gauge("promptsphere_http_in_flight", "Requests being worked on, streams apart.")
_streams = Gauge("promptsphere_http_streams", "Event streams open.")
_pending = Gauge("promptsphere_http_pending_bodies", "Requests whose body is under way.")


class Overload:
    """Turns work away before it piles up.

    Args:
        app: what does the work.
        max_in_flight: requests worked on at once.
        max_waiting: requests that may wait for their turn.
        max_streams: event streams open at once.
        max_pending_bodies: requests whose body may be under way at once.
        max_pending_bodies_per_address: those of one address.
        trusted_proxies: how many proxies of ours say what that address is.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_in_flight: int,
        max_waiting: int,
        max_streams: int,
        max_pending_bodies: int = 1024,
        max_pending_bodies_per_address: int = 64,
        trusted_proxies: int = 0,
    ) -> None:
        self._app = app
        self._slots = asyncio.Semaphore(max_in_flight)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._max_streams = max_streams
        self._open_streams = 0
        self._trusted_proxies = trusted_proxies
        self.pending = PendingBodies(most=max_pending_bodies, most_of_one=max_pending_bodies_per_address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, or refuse it."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        work = _Work(self, is_stream=_is_stream(scope))
        if not await work.take_place():
            await answer(scope, overloaded())(scope, receive, send)
            return
        body = _Body(work, scope, receive) if _has_body(scope) else None

        async def answering(message: Message) -> None:
            if not work.is_stream:
                work.give_place()  # the answer is made; how fast it is read is the client's business
            await send(message)

        try:
            await self._app(scope, receive if body is None else body.receive, answering)
        finally:
            work.give_place()
            if body is not None:
                body.end()

    async def take(self, *, is_stream: bool) -> bool:
        """Take a place; False when there is none, too many wait already, or none came free in time."""
        if is_stream:
            if self._open_streams >= self._max_streams:
                return False
            self._open_streams += 1
            _streams.inc()
            return True
        if not await self._take_slot():
            return False
        _in_flight.inc()
        return True

    def give(self, *, is_stream: bool) -> None:
        """Give a place back."""
        if is_stream:
            self._open_streams -= 1
            _streams.dec()
        else:
            self._slots.release()
            _in_flight.dec()

    def expect_body(self, scope: Scope) -> PendingBody:
        """Count a body that did not come with its head. Raises as `PendingBodies.enter`."""
        body = self.pending.enter(client_ip(HTTPConnection(scope), self._trusted_proxies))
        _pending.inc()
        return body

    def forget_body(self, body: PendingBody) -> None:
        """It has arrived, or won't."""
        self.pending.leave(body)
        _pending.dec()

    async def _take_slot(self) -> bool:
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


@dataclass(slots=True)
class _Work:
    """One request, and whether it has its place now."""

    overload: Overload
    is_stream: bool
    has_place: bool = False

    async def take_place(self) -> bool:
        if not self.has_place:
            self.has_place = await self.overload.take(is_stream=self.is_stream)
        return self.has_place

    def give_place(self) -> None:
        if self.has_place:
            self.has_place = False
            self.overload.give(is_stream=self.is_stream)


@dataclass(slots=True)
class _Body:
    """One request's body on its way in."""

    work: _Work
    scope: Scope
    inner: Receive
    pending: PendingBody | None = None
    is_whole: bool = False

    async def receive(self) -> Message:
        """The next piece. The place is given back when it has to be waited for, and taken again for the last."""
        if self.is_whole:
            return await self.inner()
        message = await self._next()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.is_whole = True
            self.end()
            if not await self.work.take_place():
                raise overloaded()
        return message

    async def _next(self) -> Message:
        waiting: asyncio.Task[Message] = asyncio.get_running_loop().create_task(_awaited(self.inner))
        try:
            await asyncio.sleep(0)  # what has come already is there after one turn of the loop
            if self.pending is None:
                if waiting.done():
                    return waiting.result()
                self.pending = self.work.overload.expect_body(self.scope)
                self.work.give_place()
            return await self.work.overload.pending.next_message(self.pending, waiting)
        finally:
            waiting.cancel()

    def end(self) -> None:
        if self.pending is not None:
            self.work.overload.forget_body(self.pending)
            self.pending = None


async def _awaited(receive: Receive) -> Message:
    return await receive()


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _is_stream(scope: Scope) -> bool:
    path: str = scope["path"]
    if scope["method"] == "GET":
        return path.startswith("/api/v1/runs/") and path.endswith("/events")
    # Only where it is one: whoever just says so elsewhere must not get around the bound on requests.
    return path in STREAMING_POSTS and "text/event-stream" in Headers(scope=scope).get("accept", "")
