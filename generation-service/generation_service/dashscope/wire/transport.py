"""One HTTP exchange with the provider: pooled connections, explicit waits, only the key's own host."""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from yarl import URL

from generation_service.dashscope.failures import (
    AttemptFailed,
    connect_failed,
    connection_lost,
    protocol_error,
    stream_cut,
    timed_out,
)
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.wire.errors import refusal

_CHAT_PATH: Final = "chat/completions"
_READ_BUFFER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the provider listens and the key for there; both come from settings, never from a request.

    Args:
        base_url: of the OpenAI-compatible API.
        api_key: sent as a bearer token.
        proxy_url: of an HTTP proxy on the way there; empty: none. What is on loopback is reached directly.

    Raises:
        ValueError: the base URL is not absolute, or is plain http to a host that is not loopback; the proxy's is not
            an absolute http(s) URL.
    """

    base_url: str
    api_key: str = field(repr=False)
    proxy_url: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        url = URL(self.base_url)
        if not url.host or url.scheme not in {"http", "https"}:
            raise ValueError("DASHSCOPE_BASE_URL must be an absolute http(s) URL")
        if url.scheme == "http" and not _is_loopback(url.host):
            raise ValueError("DASHSCOPE_BASE_URL must use https unless its host is loopback")

        if self.proxy_url and not _is_http(self.proxy_url):
            raise ValueError(
                "PROMPTSPHERE_MODEL_PROXY_URL must look like http://host:port or http://user:password@host:port"
            )

    @property
    def proxy(self) -> URL | None:
        """The proxy to ask, None for none: a plain request, which is loopback's, would show it the key."""
        return URL(self.proxy_url) if self.proxy_url and URL(self.base_url).scheme == "https" else None

    @property
    def chat_url(self) -> URL:
        """The only URL that the key is sent to."""
        return URL(self.base_url.rstrip("/")) / _CHAT_PATH


def _is_http(text: str) -> bool:
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends one request at a time over a pooled session; see `open_transport`."""

    session: aiohttp.ClientSession
    endpoint: Endpoint
    limits: Limits

    @asynccontextmanager
    async def exchange(self, payload: bytes, *, model: str, deadline: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send and yield the reply once its headers are there and its status is 200.

        Args:
            payload: the JSON body.
            model: for the errors' metadata.
            deadline: loop time at which everything ends.

        Raises:
            AttemptFailed: no connection, no headers in time, or another status.
        """
        reply = await self._post(payload, model=model, deadline=deadline)
        try:
            if reply.status != 200:
                raise await self._refusal(reply, model=model, deadline=deadline)
            yield reply
        finally:
            if reply.content.at_eof():
                reply.release()
            else:
                reply.close()  # frees the socket now: the rest of it is not wanted

    async def read(
        self,
        reply: aiohttp.ClientResponse,
        *,
        model: str,
        wait_seconds: Callable[[], float],
        is_silent: Callable[[], bool] = lambda: True,
        deadline: float,
    ) -> AsyncGenerator[bytes, None]:
        """The body as it comes, with `wait_seconds()` for each piece; `is_silent()` says whose fault a time-out is.

        Raises:
            AttemptFailed: it stalls or breaks off.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout_at(min(loop.time() + wait_seconds(), deadline)):
                    chunk = await reply.content.readany()
            except TimeoutError:
                raise timed_out(model=model, is_silent=is_silent()) from None
            except (aiohttp.ClientError, OSError) as error:
                raise stream_cut(model=model) from error
            if not chunk:
                return
            yield chunk

    async def _post(self, payload: bytes, *, model: str, deadline: float) -> aiohttp.ClientResponse:
        wait = self.limits.connect_timeout_seconds + self.limits.first_byte_timeout_seconds
        headers = {
            "authorization": f"Bearer {self.endpoint.api_key}",
            "content-type": "application/json",
            "accept-encoding": "identity",
        }
        try:
            async with asyncio.timeout_at(min(asyncio.get_running_loop().time() + wait, deadline)):
                return await self.session.post(
                    self.endpoint.chat_url,
                    data=payload,
                    headers=headers,
                    allow_redirects=False,
                    proxy=self.endpoint.proxy,
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError) as error:
            raise connect_failed(model=model) from error
        except TimeoutError:
            raise timed_out(model=model) from None
        except aiohttp.ClientResponseError as error:
            raise protocol_error("no HTTP", model=model) from error
        except (aiohttp.ClientError, OSError) as error:
            raise connection_lost(model=model) from error

    async def _refusal(self, reply: aiohttp.ClientResponse, *, model: str, deadline: float) -> AttemptFailed:
        body = bytearray()
        idle_seconds = self.limits.idle_timeout_seconds
        chunks = self.read(reply, model=model, wait_seconds=lambda: idle_seconds, deadline=deadline)
        async with aclosing(chunks):
            try:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > self.limits.max_error_bytes:
                        break
            except AttemptFailed:
                body.clear()  # the status alone has to do
        return refusal(
            bytes(body),
            status=reply.status,
            retry_after_seconds=_seconds(reply.headers.get("retry-after")),
            request_id=reply.headers.get("x-request-id"),
            model=model,
        )


@asynccontextmanager
async def open_transport(endpoint: Endpoint, limits: Limits) -> AsyncIterator[Transport]:
    """A transport with one session, closed at the end."""
    connector = aiohttp.TCPConnector(
        limit=limits.max_concurrency,
        keepalive_timeout=limits.keepalive_seconds,
        ttl_dns_cache=30,
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout_seconds)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=_READ_BUFFER_BYTES,
        trust_env=False,  # a proxy is named by our own setting, not by whatever the environment is for
    ) as session:
        yield Transport(session, endpoint, limits)


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return seconds if 0 < seconds < 3600 else None
