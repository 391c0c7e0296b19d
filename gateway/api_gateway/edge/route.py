"""The route classes: authenticate, limit, read the body and prepare the calls, around every handler."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final

from fastapi import Request
from fastapi.routing import APIRoute
from servicekit.rpc import deadline, metadata
from servicekit.rpc.client import Outgoing, set_outgoing
from starlette.responses import Response

from api_gateway.edge.authentication import Principal
from api_gateway.edge.dependencies import Edge, edge_of
from api_gateway.edge.etags import if_match
from api_gateway.edge.idempotency import idempotency
from api_gateway.edge.json_body import ReadRequest, canonical, demand_json, parse, received
from api_gateway.edge.rate_limits import LimitName

REQUEST_SECONDS: Final = 30.0

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class PublicRoute(APIRoute):
    """A route that anyone may call; subclasses demand more. The order is: who, how often, and only then the body."""

    limit_name: ClassVar[LimitName | None] = None
    is_idempotent_by_key: ClassVar[bool] = False

    def get_route_handler(self) -> Handle:
        """FastAPI's handler with ours around it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            edge = edge_of(request)
            deadline.set_remaining(REQUEST_SECONDS)
            outgoing = Outgoing(call_metadata(request, edge))
            set_outgoing(outgoing)  # also for what authentication asks of auth-service
            outgoing.pairs += await self.admit(request, edge)
            outgoing.pairs += if_match(request)
            read = ReadRequest(request.scope, request.receive)
            if request.method in {"POST", "PUT", "PATCH", "DELETE"}:
                outgoing.pairs += await self._read(read)
            response = await inner(read)
            if outgoing.is_replay:
                response.headers["Idempotency-Replayed"] = "true"
            return response

        return handle

    async def _read(self, request: ReadRequest) -> tuple[tuple[str, str], ...]:
        """Read and parse the body; what calls carry of it."""
        body = await received(request)
        if body and self.body_field is not None:
            demand_json(request.headers.get("content-type", ""))
            request.parsed = parse(body)
        if not self.is_idempotent_by_key or request.method != "POST":
            return ()
        return idempotency(request, body if request.parsed is None else canonical(request.parsed))

    async def admit(self, request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
        """Let the request in; what its calls carry to prove it."""
        if self.limit_name is not None:
            await edge.rate_limits.spend(edge.limits[self.limit_name], edge.authenticator.client_ip(request))
        return ()


class SignInRoute(PublicRoute):
    """Registers or logs in: limited by address."""

    limit_name = "sign_in"


class RefreshRoute(PublicRoute):
    """Refreshes or ends a session by its refresh token: limited by address."""

    limit_name = "refresh"


class AuthenticatedRoute(PublicRoute):
    """Demands a principal, and counts its requests."""

    is_idempotent_by_key = True

    async def admit(self, request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
        """Authenticate, then count."""
        principal = await edge.authenticator.authenticate(request)
        request.state.principal = principal
        await self.count(principal, edge)
        return ((metadata.AUTHORIZATION, f"Bearer {principal.token}"),)

    async def count(self, principal: Principal, edge: Edge) -> None:
        """Count one request of this user or key."""
        await edge.rate_limits.spend(edge.limits["default"], principal.actor.id)


class AccountRoute(AuthenticatedRoute):
    """Demands a principal; `Idempotency-Key` means nothing on `/auth/*`."""

    is_idempotent_by_key = False


class UnlimitedRoute(AuthenticatedRoute):
    """Demands a principal and counts nothing: delivery has no limit but the overload limits."""

    async def count(self, principal: Principal, edge: Edge) -> None:
        """Nothing to count."""


def call_metadata(request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
    """What every call made for this request carries."""
    return (
        (metadata.REQUEST_ID, request.scope["request_id"]),
        (metadata.CLIENT_IP, _printable(edge.authenticator.client_ip(request))),
        (metadata.USER_AGENT, _printable(request.headers.get("user-agent", ""))),
    )


def _printable(text: str) -> str:
    """Metadata values are visible ASCII; the rest of a header is worth nothing to us."""
    return "".join(character for character in text[:400] if " " <= character <= "~")
