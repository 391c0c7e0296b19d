"""HTTP/1.1 on one connection: uvicorn's protocol with bounds on the head of a request and on idleness.

uvicorn bounds neither: httptools gathers a header until its end, in memory. So bytes are counted here, before and
beside the parser.
"""

import asyncio
from typing import Final

import httptools
from prometheus_client import Counter
from servicekit.errors import DeadlineExceeded, InvalidArgument, SphereError
from servicekit.log import get_logger
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api_gateway.listener.refusal import HeadersTooLarge, UriTooLong, refusal_bytes

MAX_HEAD_BYTES: Final = 64 * 1024
"""The request line's target and all header lines, trailers included."""
MAX_HEAD_LINES: Final = 100
SLACK_BYTES: Final = 1024
"""What the parser may be given beyond that without making anything of it: line ends, blanks, chunk sizes."""
HEAD_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 2.0
STALL_SECONDS: Final = 30.0
"""As nginx's `send_timeout`: how long a client may take none of what waits for it."""

_refused = Counter("promptsphere_http_refused_total", "Connections refused before there was a request.", ("code",))
_log = get_logger()


class EdgeProtocol(HttpToolsProtocol):
    """One connection. A head may have 64 KiB and 100 lines and take ten seconds; who never reads is cut."""

    cycle: RequestResponseCycle | None  # type: ignore[assignment]  # uvicorn says it was always there

    scope: HTTPScope | None  # type: ignore[assignment]

    _unread_bytes = 0
    _is_head_open = False
    _is_over = False
    _refusal: SphereError | None = None
    _cycle_before: RequestResponseCycle | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin; the first head is awaited from now on."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and let go of what would end it."""
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse it when it is too much or no HTTP."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        self._unread_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # To a protocol that we don't speak: answered as if it were not there, and what follows is not parsed.
            self._is_over = True
            if self.cycle is not None:
                self.cycle.keep_alive = False
            return
        except httptools.HttpParserError:
            self._refuse(self._refusal or InvalidArgument("This is not valid HTTP/1.1.", reason="bad_request"))
            return
        if self._is_head_open:
            self._check_head(self._unread_bytes - SLACK_BYTES)
            if self._refusal is not None:
                self._refuse(self._refusal)
                return
        elif self._unread_bytes > MAX_HEAD_BYTES + SLACK_BYTES:
            self._refuse(HeadersTooLarge())
            return
        if self._head_timer is None and (self._is_head_open or self.cycle is None or self.cycle.response_complete):
            self._await_head()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._is_head_open = True

    def on_headers_complete(self) -> None:
        """Start the request."""
        if len(self.headers) > MAX_HEAD_LINES or self._unread_bytes > MAX_HEAD_BYTES:
            # Exactly now: what was read so far may hold some of the body, or of a request before.
            self._check_head(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers))
            if self._refusal is not None:
                raise self._refusal
        self._is_head_open = False
        self._unread_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._cycle_before = self.cycle
        super().on_headers_complete()
        self.headers = []  # trailers go here and nowhere: they must not pass as headers of the request

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of the body."""
        self._unread_bytes = 0
        super().on_body(body)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came; whoever hasn't even read the last answer by now won't."""
        if self.transport.get_write_buffer_size() > 0:
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _check_head(self, head_bytes: int) -> None:
        if len(self.url) > MAX_HEAD_BYTES:
            self._refusal = UriTooLong()
        elif len(self.headers) > MAX_HEAD_LINES or head_bytes > MAX_HEAD_BYTES:
            self._refusal = HeadersTooLarge()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._on_head_overdue)

    def _on_head_overdue(self) -> None:
        self._head_timer = None
        if self._is_head_open:
            self._refuse(DeadlineExceeded("The request did not arrive in time.", reason="request_timeout"))
        else:
            self.transport.close()

    def _watch_reader(self, waiting_bytes: int) -> None:
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self._on_stall, waiting_bytes)

    def _on_stall(self, waiting_bytes: int) -> None:
        still_bytes = self.transport.get_write_buffer_size()
        if still_bytes < waiting_bytes:
            self._watch_reader(still_bytes)
        else:
            _log.info("stalled reader was cut", client=self.client and self.client[0])
            self.transport.abort()

    def _refuse(self, error: SphereError) -> None:
        """Answer with a problem if an answer is due now, and close the connection."""
        self._is_over = True
        if not self._is_answer_due():
            return
        _refused.labels(error.reason).inc()
        content, request_id = refusal_bytes(error, self.scope["headers"] if self.scope else ())
        client = self.client and self.client[0]
        _log.info("request refused", code=error.reason, request_id=request_id, client=client)
        self.transport.write(content)
        # What still comes is read and dropped for a moment: a close with unread bytes would take our answer with it.
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _is_answer_due(self) -> bool:
        """False where a request before has to be answered first, or half an answer is out; the connection then ends."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        if not cycle.more_body:
            cycle.keep_alive = False  # that request was whole: it has its answer, and it is the last one
            return False
        if self.pipeline and self._cycle_before is not None:
            self.pipeline.popleft()  # the broken request waits behind this one
            self._cycle_before.keep_alive = False
            return False
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started:
            self.transport.close()
            return False
        return True
