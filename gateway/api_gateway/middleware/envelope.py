"""The outermost layer: request id, security headers, one log line and metrics per request, and the last resort."""

import re
import time
from typing import Final

import uuid_utils
from prometheus_client import Counter, Histogram
from servicekit import log
from servicekit.errors import Internal
from servicekit.telemetry import BUCKETS
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_gateway.forwarded import is_https
from api_gateway.problems.rendering import EVERY_ANSWER, answer

PROBES: Final = frozenset({"/livez", "/readyz"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

_log = log.get_logger()
_requests = Counter("promptsphere_http_requests_total", "Requests answered.", ("method", "status"))
_seconds = Histogram("promptsphere_http_seconds", "Time to the first byte of an answer.", ("method",), buckets=BUCKETS)


class Envelope:
    """Wraps every HTTP exchange; sets `scope["request_id"]` and the browser's `scope["scheme"]` for those inside."""

    def __init__(self, app: ASGIApp, *, trusted_proxies: int = 0) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if is_https(HTTPConnection(scope), self._trusted_proxies):
            scope["scheme"] = "https"  # for all inside: the browser's side counts, not our own
        exchange = _Exchange(scope, send)
        log.bind_request(exchange.request_id)
        try:
            await self._app(scope, receive, exchange.send)
        except ClientDisconnect:
            pass  # it left in the middle of its body; there is nobody to answer
        except Exception as failure:  # noqa: BLE001 - the edge: the client gets a problem document, the log all of it
            _log.error("request failed", exc_info=failure)
            if exchange.status == 0:
                await exchange.refuse(receive)
        finally:
            exchange.record()


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = time.perf_counter()
        self._first_byte_seconds = 0.0
        self.status = 0
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if REQUEST_ID.fullmatch(given) else str(uuid_utils.uuid7())
        scope["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._first_byte_seconds = time.perf_counter() - self._started
            self._add_headers(MutableHeaders(scope=message))
        await self._send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = self.request_id
        for name, value in EVERY_ANSWER.items():
            headers.setdefault(name, value)
        if self._scope.get("scheme") == "https":
            headers["Strict-Transport-Security"] = "max-age=31536000"

    async def refuse(self, receive: Receive) -> None:
        error = Internal("Something is wrong on our side; the request id finds it in our logs.")
        await answer(self._scope, error)(self._scope, receive, self.send)

    def record(self) -> None:
        status = self.status or 499  # the client left before an answer began
        method = self._scope["method"]
        _requests.labels(method, status).inc()
        _seconds.labels(method).observe(self._first_byte_seconds)
        path = self._scope["path"]
        # Probes come every second and deliveries all day; of these only what went wrong is worth a line.
        if path not in PROBES and (status >= 500 or not path.startswith("/api/v1/delivery/")):
            _log.info(
                "request answered",
                method=method,
                path=self._scope["path"][:300],
                status=status,
                seconds=round(time.perf_counter() - self._started, 4),
            )
