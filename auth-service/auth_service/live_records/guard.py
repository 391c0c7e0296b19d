"""Changes are made by live sessions and keys alone, as this service's own database knows them.

An access token is good by its signature until it expires, also after a logout; the gateway asks for the live record,
but whoever reaches our socket goes around the gateway. What is made here would outlive the token: keys, passwords,
sessions, tokens for other workspaces. So every RPC of a person or key that changes anything asks first.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import grpc
from promptsphere.policy.v1 import policy_pb2
from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated
from servicekit.rpc.call import current_call
from servicekit.rpc.policy import demand_of

from auth_service.live_records.publishing import LiveRecords


def demands_live_caller(method: str) -> bool:
    """True for an RPC (`/package.Service/Method`) that a person or key calls and that changes something."""
    demand = demand_of(method)
    if demand is None or demand.is_read_only:
        return False
    return demand.level not in {policy_pb2.LEVEL_PUBLIC, policy_pb2.LEVEL_SERVICE}


def guarded(server: grpc.aio.Server, live_records: LiveRecords) -> grpc.aio.Server:
    """What servicers are registered at instead of `server`: the question stands before each that needs it."""
    return cast("grpc.aio.Server", _GuardedServer(server, live_records))


class _GuardedServer:
    """Takes servicers as a gRPC server does, and puts the question before those handlers that need it."""

    def __init__(self, server: grpc.aio.Server, live_records: LiveRecords) -> None:
        self._server = server
        self._live_records = live_records

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Called by the generated code."""
        self._server.add_generic_rpc_handlers(tuple(_Guarded(handler, self._check) for handler in handlers))

    def add_registered_method_handlers(self, service_name: str, handlers: dict[str, Any]) -> None:
        """Called by the generated code; gRPC's own asyncio server has no use for it either."""

    async def _check(self, actor: Actor) -> None:
        record = await self._live_records.read(actor.session_id)
        if record.state != "live":
            what = "API key" if actor.kind == "api_key" else "session"
            raise Unauthenticated(f"This {what} has ended; sign in again, or send a key that is valid.")


class _Guarded(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """The handlers of one service."""

    def __init__(self, inner: Any, check: Callable[[Actor], Awaitable[None]]) -> None:
        self._inner = inner
        self._check = check

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The handler of a method, None when it is not of this service."""
        handler: Any = self._inner.service(handler_call_details)
        if handler is None or not demands_live_caller(handler_call_details.method):
            return handler

        async def serve(request: Any, context: Any) -> Any:
            await self._check(current_call().actor)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
