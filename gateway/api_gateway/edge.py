"""What stands between the framework and every handler: authenticate, limit, read the body, prepare the calls."""

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, cast

import orjson
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from servicekit.errors import Aborted, InvalidArgument, Violation
from servicekit.rpc import deadline, metadata
from servicekit.rpc.client import Outgoing, set_outgoing
from starlette.responses import Response

from api_gateway.auth import Authenticator, Principal
from api_gateway.backends import Backends
from api_gateway.delivery_cache import DeliveryCache
from api_gateway.limits import Limit, RateLimits
from api_gateway.settings import GatewaySettings
from api_gateway.streams import StreamRelay

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,64}")
ENTITY_TAG = re.compile(r'(?:W/)?"(\d{1,18})"')
REQUEST_SECONDS: Final = 30.0

LimitName = Literal["default", "sign_in", "refresh"]


@dataclass(frozen=True, slots=True)
class Edge:
    """All that handlers work with; made once, at start."""

    settings: GatewaySettings
    backends: Backends
    authenticator: Authenticator
    rate_limits: RateLimits
    limits: dict[LimitName, Limit]
    delivery: DeliveryCache
    streams: StreamRelay


def edge_of(request: Request) -> Edge:
    """The edge of the running application."""
    return cast("Edge", request.app.state.edge)


def principal_of(request: Request) -> Principal:
    """Who sends this request; only on routes that demand it."""
    return cast("Principal", request.state.principal)


def backends_of(request: Request) -> Backends:
    """The services."""
    return edge_of(request).backends


UsesEdge = Annotated[Edge, Depends(edge_of)]
UsesPrincipal = Annotated[Principal, Depends(principal_of)]
UsesBackends = Annotated[Backends, Depends(backends_of)]

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class EdgeRoute(APIRoute):
    """A route that anyone may call; subclasses demand more. The order is: who, how often, and only then the body."""

    limit_name: ClassVar[LimitName | None] = None
    is_idempotent_by_key: ClassVar[bool] = False

    def get_route_handler(self) -> Handle:
        """FastAPI's handler with ours around it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            edge = edge_of(request)
            deadline.set_remaining(REQUEST_SECONDS)
            pairs = await self.admit(request, edge)
            if request.method in {"POST", "PUT", "PATCH", "DELETE"}:
                body = await request.body()
                if self.is_idempotent_by_key and request.method == "POST":
                    pairs += _idempotency(request, body)
            outgoing = Outgoing(pairs + _facts(request, edge))
            set_outgoing(outgoing)
            response = await inner(request)
            if outgoing.is_replay:
                response.headers["Idempotency-Replayed"] = "true"
            return response

        return handle

    async def admit(self, request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
        """Let the request in; what its calls carry to prove it."""
        if self.limit_name is not None:
            await edge.rate_limits.spend(edge.limits[self.limit_name], edge.authenticator.client_ip(request))
        return ()


class SignInRoute(EdgeRoute):
    """Registers or logs in: limited by address."""

    limit_name = "sign_in"


class RefreshRoute(EdgeRoute):
    """Refreshes or ends a session by its refresh token: limited by address."""

    limit_name = "refresh"


class UserRoute(EdgeRoute):
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


class AccountRoute(UserRoute):
    """Demands a principal; `Idempotency-Key` means nothing on `/auth/*`."""

    is_idempotent_by_key = False


class UncountedRoute(UserRoute):
    """Demands a principal and counts nothing: delivery has no limit but the overload limits."""

    async def count(self, principal: Principal, edge: Edge) -> None:
        """Nothing to count."""


def etag(row_version: int) -> str:
    """The entity tag of a resource with this row version."""
    return f'"{row_version}"'


def _if_match(request: Request) -> tuple[tuple[str, str], ...]:
    """An `If-Match` header as the row version that the service compares."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return ()
    match = ENTITY_TAG.fullmatch(given.strip())
    if match is None:
        raise Aborted("If-Match is not an ETag of this resource; read it again first.")
    return ((metadata.IF_MATCH, match[1]),)


def _facts(request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
    return (
        (metadata.REQUEST_ID, request.scope["request_id"]),
        (metadata.CLIENT_IP, edge.authenticator.client_ip(request)),
        (metadata.USER_AGENT, _printable(request.headers.get("user-agent", ""))),
        *_if_match(request),
    )


def _printable(text: str) -> str:
    """Metadata values are visible ASCII; the rest of a header is worth nothing to us."""
    return "".join(character for character in text[:400] if " " <= character <= "~")


def _idempotency(request: Request, body: bytes) -> tuple[tuple[str, str], ...]:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ()
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidArgument(
            "Idempotency-Key must be 8 to 64 visible ASCII characters.",
            reason="invalid_idempotency_key",
            violations=[Violation("/header/Idempotency-Key", "8 to 64 visible ASCII characters")],
        )
    canonical = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + _canonical(body)
    return (
        (metadata.IDEMPOTENCY_KEY, key),
        (metadata.REQUEST_HASH, hashlib.sha256(canonical).hexdigest()),
    )


def _canonical(body: bytes) -> bytes:
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return body  # refused as malformed a moment later
