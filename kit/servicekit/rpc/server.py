"""The gRPC server of a service, and the one interceptor that stands before every handler."""

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, NoReturn

import grpc
import uuid_utils
from google.protobuf.message import DecodeError

from servicekit import log
from servicekit.auth.tokens import KeyRing
from servicekit.errors import (
    ERRORS_BY_CODE,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    SphereError,
    Unauthenticated,
)
from servicekit.rpc import deadline, metadata
from servicekit.rpc.bounds import check_bounds
from servicekit.rpc.call import Call, enter_call
from servicekit.rpc.policy import OPEN_SERVICES, check_access, demand_of
from servicekit.rpc.status import shown, trailing_details
from servicekit.telemetry import RPC_SECONDS, RPCS_IN_FLIGHT

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # A client must find out about new replicas; the grace is longer than the longest stream.
    ("grpc.max_connection_age_ms", 15 * 60_000),
    ("grpc.max_connection_age_grace_ms", 10 * 60_000),
)

_log = log.get_logger()

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Any]


def create_server(keys: KeyRing, credential: str) -> grpc.aio.Server:
    """A server whose handlers are called only by those who may; `credential` is the gateway's."""
    return grpc.aio.server(interceptors=(CallInterceptor(keys, credential),), options=OPTIONS)


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Knows the caller, checks the contract's demand, and turns what is raised into a status."""

    def __init__(self, keys: KeyRing, credential: str) -> None:
        if not credential:
            raise ValueError("Without a credential of the gateway, everybody would be the gateway.")
        self._keys = keys
        self._credential = credential.encode("ascii")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler; a method that is not served passes, and gRPC answers UNIMPLEMENTED."""
        handler = await continuation(details)
        method = details.method
        if handler is None or method.startswith(OPEN_SERVICES):
            return handler
        received = {key: value for key, value in details.invocation_metadata or () if isinstance(value, str)}
        # Messages cross this layer as bytes: gRPC's own failure to read or write one would be UNKNOWN with its text,
        # and who may not call should not have a message read at all.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler, method, received))
        return grpc.unary_unary_rpc_method_handler(self._unary(handler, method, received))

    def _unary(self, handler: Any, method: str, received: Mapping[str, str]) -> Handler:
        async def serve(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            started = time.perf_counter()
            reason = "cancelled"
            with RPCS_IN_FLIGHT.labels(method).track_inprogress():
                try:
                    call = await self._admit(method, received, context)
                    response = await handler.unary_unary(_read(handler, request), context)
                    written = handler.response_serializer(response)
                    if call.is_replay:
                        context.set_trailing_metadata(((metadata.REPLAYED, "true"),))
                    reason = "ok"
                except Exception as failure:  # noqa: BLE001 - the edge: all of it becomes a status
                    reason = failure.reason if isinstance(failure, SphereError) else "internal"
                    await _refuse(failure, context)
                else:
                    return written
                finally:
                    RPC_SECONDS.labels(method, reason).observe(time.perf_counter() - started)

        return serve

    def _stream(self, handler: Any, method: str, received: Mapping[str, str]) -> Handler:
        async def serve(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            with RPCS_IN_FLIGHT.labels(method).track_inprogress():
                try:
                    await self._admit(method, received, context)
                    # Closed here and not by the collector, the handler's generator frees what it holds at once.
                    responses = handler.unary_stream(_read(handler, request), context)
                    try:
                        async for response in responses:
                            yield handler.response_serializer(response)
                    finally:
                        await responses.aclose()
                except Exception as failure:  # noqa: BLE001 - likewise
                    await _refuse(failure, context)

        return serve

    async def _admit(
        self, method: str, received: Mapping[str, str], context: grpc.aio.ServicerContext[Any, Any]
    ) -> Call:
        is_gateway = self._is_gateway(received)
        request_id = received.get(metadata.REQUEST_ID, "")[:64] or str(uuid_utils.uuid7())
        call = Call(method=method, request_id=request_id)
        enter_call(call)
        log.bind_request(request_id)
        deadline.set_remaining(context.time_remaining())
        demand = demand_of(method)
        if demand is None:
            raise PermissionDenied("This call declares no access level, so nobody may make it.")
        call.identity = await self._identity(received)
        check_access(demand, identity=call.identity, is_gateway=is_gateway)
        call.idempotency_key = received.get(metadata.IDEMPOTENCY_KEY)
        call.request_hash = received.get(metadata.REQUEST_HASH)
        call.if_match = _row_version(received.get(metadata.IF_MATCH))
        if is_gateway:  # an address is only believed from the one who saw it
            call.client_ip = received.get(metadata.CLIENT_IP, "")
            call.user_agent = received.get(metadata.USER_AGENT, "")
        return call

    def _is_gateway(self, received: Mapping[str, str]) -> bool:
        given = received.get(metadata.SERVICE_CREDENTIAL, "")
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._credential)

    async def _identity(self, received: Mapping[str, str]) -> Any:
        authorization = received.get(metadata.AUTHORIZATION)
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send the access token as `Bearer <token>`.")
        return (await self._keys.verify(token)).actor


def _row_version(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidArgument("If-Match must be the ETag of an earlier answer.")
    return int(text)


def _read(handler: Any, request: bytes) -> Any:
    try:
        message = handler.request_deserializer(request)
    except DecodeError:
        raise InvalidArgument("The message is not of the type that this call takes.") from None
    check_bounds(message)
    return message


async def _refuse(failure: Exception, context: grpc.aio.ServicerContext[Any, Any]) -> NoReturn:
    """End the call with the status of `failure`; what is not ours is a defect, logged with its traceback."""
    error: SphereError
    if isinstance(failure, SphereError) and failure.code in ERRORS_BY_CODE:
        error = failure
    elif isinstance(failure, grpc.aio.AbortError):
        raise failure
    elif isinstance(failure, TimeoutError):
        error = DeadlineExceeded("This took longer than it may; whether the change happened is not known.")
    else:
        _log.error("rpc failed", exc_info=failure)
        error = Internal("Something is wrong on our side; the request id finds it in our logs.")
    code = grpc.StatusCode[error.code]
    await context.abort(code, shown(error.message), trailing_metadata=trailing_details(error))
    raise AssertionError("abort raises")
