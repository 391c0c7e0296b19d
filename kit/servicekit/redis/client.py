"""Redis that may go away at any time: short deadlines, no retries, a breaker, one log line per change.

Nothing true lives only in Redis, so every caller has another way; what they need is to learn within 100 ms,
and afterwards at once, that they must take it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from prometheus_client import Gauge
from redis import exceptions as errors
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from servicekit.redis.breaker import Admission, Breaker

T = TypeVar("T")

_PROBE_KEY = "promptsphere:probe"
_CONNECT_SECONDS = 2.0
_SUBSCRIBE_SECONDS = 2.0
_IDLE_SECONDS = 1.0
"""A subscription that hears nothing for this long asks for a sign of life, once; silence again means lost."""
_FIRST_BACKOFF_SECONDS = 0.1
_LONGEST_BACKOFF_SECONDS = 5.0

# Answers by which a reachable server says that it won't serve us; codes that redis-py has no class for are
# recognised by the first word.
_REFUSALS = (
    errors.ReadOnlyError,
    errors.OutOfMemoryError,
    errors.AuthenticationError,
    errors.NoPermissionError,
    errors.ClusterDownError,
)
_REFUSAL_WORDS = frozenset({"MISCONF", "NOREPLICAS", "BUSY"})

_log = structlog.get_logger(__name__)
_available = Gauge("promptsphere_redis_available", "1 while Redis answers, 0 while callers do without it.")


class RedisUnavailable(Exception):
    """Redis did not answer in time, refused, or is known to be away; do without it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One published message."""

    channel: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The subscription stands (again); drop whatever a message missed before would have dropped."""


def _pool(kind: type[ConnectionPool], url: str, max_connections: int) -> ConnectionPool:
    # No socket timeout: one deadline stands around the whole operation (waiting for a connection, connecting,
    # writing, reading). It is cheaper than redis-py's, which starts a task per write, and on Python 3.11 that
    # one can lose a cancellation. RESP2 needs no HELLO, and every server we may meet speaks it.
    # A command that is cancelled closes its connection (redis-py 8.1, `read_response`), so that its answer
    # can't be taken for the next one's; a test holds it to that.
    return kind.from_url(
        url,
        max_connections=max_connections,
        socket_timeout=None,
        socket_connect_timeout=_CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
        **({"timeout": None} if kind is BlockingConnectionPool else {}),
    )


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, _REFUSALS):
        return True
    return isinstance(error, ResponseError) and str(error).split(" ", 1)[0] in _REFUSAL_WORDS


class GuardedRedis:
    """A pool of connections behind a breaker.

    Args:
        url: `redis://`, `rediss://` or `unix://`; empty: there is none, and it is always away.
        pool_size: connections for ordinary commands; blocking reads and subscriptions have their own.
        timeout_seconds: how long one operation may take in all.
    """

    def __init__(self, url: str, *, pool_size: int = 10, timeout_seconds: float = 0.1) -> None:
        self._timeout_seconds = timeout_seconds
        self._is_configured = bool(url)
        url = url or "redis://"
        self._client = Redis(connection_pool=_pool(BlockingConnectionPool, url, pool_size))
        self._waiting = Redis(connection_pool=_pool(ConnectionPool, url, 256))
        self._breaker = Breaker()
        self._since = datetime.now(UTC)
        _available.set(int(self._is_configured))

    @property
    def is_available(self) -> bool:
        """False while the breaker is open, and when there is no Redis at all."""
        return self._is_configured and self._breaker.is_closed

    @property
    def since(self) -> datetime:
        """When `is_available` last changed (UTC); at first, when this object was made."""
        return self._since

    async def run(self, operation: Callable[[Redis], Awaitable[T]]) -> T:
        """Give `operation` a client and its result to the caller; at most `timeout_seconds`.

        An operation should be one command, pipeline or script: it has one deadline.

        Raises:
            RedisUnavailable: no answer in time, a refusal (read-only, out of memory, wrong password), or the
                breaker is open.
            ResponseError: the command is wrong; a defect of ours.
        """
        return await self._guarded(self._client, operation, self._timeout_seconds)

    async def run_blocking(self, operation: Callable[[Redis], Awaitable[T]], *, wait_seconds: float) -> T:
        """As `run`, for a command that itself waits up to `wait_seconds` (XREAD BLOCK); own connections."""
        return await self._guarded(self._waiting, operation, wait_seconds + self._timeout_seconds)

    async def subscriber(self, *channels: str) -> AsyncGenerator[Message | Reconnected]:
        """Messages of `channels`, for ever; reconnects by itself and says so by `Reconnected`, also at first.

        Wrap it in `contextlib.aclosing`, so that the connection closes with the loop that reads it.
        """
        backoff_seconds = _FIRST_BACKOFF_SECONDS
        is_lost = False
        if not self._is_configured:
            await asyncio.Event().wait()
        while True:
            pubsub = self._waiting.pubsub()
            try:
                await self._subscribe(pubsub, channels)
                if is_lost:
                    _log.info("redis_subscription_restored", channels=channels)
                is_lost = False
                backoff_seconds = _FIRST_BACKOFF_SECONDS
                yield Reconnected()
                while True:
                    yield await self._next_message(pubsub)
            except (RedisError, OSError) as error:  # OSError: the built-in TimeoutError is one
                if not is_lost:
                    _log.warning("redis_subscription_lost", channels=channels, error=_cause(error))
                is_lost = True
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call] # redis-py leaves it untyped
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, _LONGEST_BACKOFF_SECONDS)

    async def close(self) -> None:
        """Close every connection."""
        for client in (self._client, self._waiting):
            await client.aclose()
            await client.connection_pool.disconnect()

    async def _guarded(self, client: Redis, operation: Callable[[Redis], Awaitable[T]], deadline: float) -> T:
        admission = self._breaker.admit()
        if admission is Admission.REFUSE or not self._is_configured:
            raise RedisUnavailable("Redis is away.")
        if admission is Admission.PROBE:
            await self._probe()
        try:
            async with asyncio.timeout(deadline):
                result = await operation(client)
        except (RedisError, OSError) as error:
            is_refusal = _is_refusal(error)
            if isinstance(error, ResponseError) and not is_refusal:
                self._breaker.succeeded()
                raise
            if self._breaker.failed(at_once=is_refusal):
                await self._opened(error)
            raise RedisUnavailable(_cause(error)) from error
        self._breaker.succeeded()
        return result

    async def _probe(self) -> None:
        """Ask whether Redis is back, by a write: a full or read-only server still answers reads."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._client.set(_PROBE_KEY, b"1", ex=10)
        except (RedisError, OSError) as error:
            self._breaker.probe_failed()
            raise RedisUnavailable(_cause(error)) from error
        except BaseException:
            self._breaker.probe_abandoned()
            raise
        self._breaker.probe_succeeded()
        self._changed(is_available=True)
        _log.info("redis_restored")

    async def _opened(self, error: Exception) -> None:
        self._changed(is_available=False)
        _log.warning("redis_lost", error=_cause(error))
        # After a failover the old connections may lead to the old, now read-only server. Their sockets are
        # closed at once; what can fail or last is only the farewell.
        with contextlib.suppress(RedisError, OSError):
            async with asyncio.timeout(self._timeout_seconds):
                await self._client.connection_pool.disconnect(inuse_connections=False)

    def _changed(self, *, is_available: bool) -> None:
        self._since = datetime.now(UTC)
        _available.set(1 if is_available else 0)

    async def _subscribe(self, pubsub: PubSub, channels: tuple[str, ...]) -> None:
        async with asyncio.timeout(_SUBSCRIBE_SECONDS):
            await pubsub.subscribe(*channels)
            confirmed = 0
            while confirmed < len(channels):
                answer = await pubsub.get_message(timeout=_SUBSCRIBE_SECONDS)
                confirmed += answer is not None and answer["type"] == "subscribe"

    async def _next_message(self, pubsub: PubSub) -> Message:
        """Raises: errors.TimeoutError when the server gives no sign of life."""
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=_IDLE_SECONDS)
            if message is None:
                if is_asked:
                    raise errors.TimeoutError("no sign of life")
                async with asyncio.timeout(_IDLE_SECONDS):
                    await pubsub.ping()
                is_asked = True
            elif message["type"] == "message":
                return Message(channel=message["channel"].decode(), data=message["data"])
            else:
                is_asked = False


def _cause(error: Exception) -> str:
    """For logs: the kind alone where the text could quote our command or its arguments."""
    if isinstance(error, errors.ConnectionError | OSError):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__
