"""The channel to another service: deadlines, the caller's metadata, retries of reads, typed errors.

Generated stubs take this channel as they take gRPC's own, so a call reads `await stub.GetPrompt(request)`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import grpc

from servicekit.rpc import deadline, metadata
from servicekit.rpc.policy import demand_of
from servicekit.rpc.status import error_from_rpc

Pair = tuple[str, str]

DEFAULT_DEADLINE_SECONDS: Final = 5.0
STREAM_DEADLINE_SECONDS: Final = 900.0
RETRY_SHARE: Final = 0.1
RETRY_BURST: Final = 10.0
MAX_METADATA_BYTES: Final = 256 * 1024
OPTIONS: Final = (
    # The library obeys http_proxy & co., which are for the way out of the company, not for the next process.
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # An error's details travel in the trailing metadata; the library's own 8 KiB are too few for 100 violations.
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Retries are ours: the library's own know neither the contract's marks nor our budget.
    ("grpc.enable_retries", 0),
)


@dataclass(slots=True)
class Outgoing:
    """What goes along with every call made for one incoming request, and what came back.

    Attributes:
        pairs: metadata, the caller's token among it.
        is_replay: an answer was the stored one of an earlier call with the same idempotency key.
    """

    pairs: tuple[Pair, ...] = ()
    is_replay: bool = False


_outgoing: ContextVar[Outgoing | None] = ContextVar("promptsphere_outgoing", default=None)


def set_outgoing(outgoing: Outgoing | None) -> None:
    """Calls made in this task from now on carry `outgoing`."""
    _outgoing.set(outgoing)


class RetryBudget:
    """Retries are at most a tenth of the calls, so that a failing backend sees at most 1.1 times the load."""

    def __init__(self) -> None:
        self._tokens = RETRY_BURST

    def earn(self) -> None:
        """Count one call."""
        self._tokens = min(RETRY_BURST, self._tokens + RETRY_SHARE)

    def spend(self) -> bool:
        """True when one more retry is affordable."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Channel:
    """A connection to one service, or to several replicas of it in turn.

    Args:
        target: `host:port`, `unix:/path`, `dns:///name:port` or `ipv4:a:1,b:2`.
        credential: the gateway's own; empty for a caller that has none.
        deadline_seconds: longest wait for one unary call.
    """

    def __init__(
        self, target: str, *, credential: str = "", deadline_seconds: float = DEFAULT_DEADLINE_SECONDS
    ) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        self._own: tuple[Pair, ...] = ((metadata.SERVICE_CREDENTIAL, credential),) if credential else ()
        self._deadline_seconds = deadline_seconds
        self._budget = RetryBudget()

    async def close(self) -> None:
        """Close the connection; calls under way end as cancelled."""
        await self._channel.close(grace=None)

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_registered: object,
    ) -> Callable[..., Any]:
        """A callable for one unary RPC; generated stubs call this."""
        call = self._channel.unary_unary(method, request_serializer, response_deserializer)
        demand = demand_of(method)
        is_retryable = demand is not None and demand.is_read_only

        async def invoke(request: Any, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the stubs' own word
            self._budget.earn()
            try:
                return await self._once(call, request, timeout)
            except grpc.aio.AioRpcError as failure:
                if not (is_retryable and failure.code() is grpc.StatusCode.UNAVAILABLE and self._budget.spend()):
                    raise error_from_rpc(failure) from None
            await asyncio.sleep(random.uniform(0.01, 0.05))  # noqa: S311 - jitter
            try:
                return await self._once(call, request, timeout)
            except grpc.aio.AioRpcError as failure:
                raise error_from_rpc(failure) from None

        return invoke

    async def _once(self, call: Any, request: Any, timeout_seconds: float | None) -> Any:
        outgoing = _outgoing.get()
        pairs = self._own if outgoing is None else self._own + outgoing.pairs
        rpc = call(request, metadata=pairs, timeout=deadline.budget(timeout_seconds or self._deadline_seconds))
        response = await rpc
        if outgoing is not None and any(key == metadata.REPLAYED for key, _ in await rpc.trailing_metadata() or ()):
            outgoing.is_replay = True
        return response

    def unary_stream(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_registered: object,
    ) -> Callable[..., AsyncIterator[Any]]:
        """A callable for one server stream; close what it returns (`aclosing`) and the RPC is cancelled."""
        call = self._channel.unary_stream(method, request_serializer, response_deserializer)

        async def invoke(request: Any, *, timeout: float = STREAM_DEADLINE_SECONDS) -> AsyncIterator[Any]:  # noqa: ASYNC109
            outgoing = _outgoing.get()
            pairs: Sequence[Pair] = self._own if outgoing is None else self._own + outgoing.pairs
            rpc = call(request, metadata=pairs, timeout=timeout)
            try:
                async for response in rpc:
                    yield response
            except grpc.aio.AioRpcError as failure:
                raise error_from_rpc(failure) from None
            finally:
                rpc.cancel()

        return invoke

    def stream_unary(self, method: str, *_arguments: object, **_registered: object) -> Callable[..., Any]:
        """No contract of ours streams requests."""
        raise NotImplementedError(method)

    stream_stream = stream_unary


__all__ = ["Channel", "Outgoing", "aclosing", "set_outgoing"]
