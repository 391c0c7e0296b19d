"""What stands between the framework and every handler: authenticate, limit, read the body, prepare the calls."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from servicekit.errors import Aborted, DeadlineExceeded, InvalidArgument, Violation
from servicekit.rpc import deadline, metadata
from servicekit.rpc.client import Outgoing, set_outgoing
from starlette.responses import Response

from api_gateway.auth import Authenticator, Principal
from api_gateway.backends import Backends
from api_gateway.delivery_cache import DeliveryCache
from api_gateway.json_body import ReadRequest, canonical, demand_json, parse
from api_gateway.limits import Limit, RateLimits
from api_gateway.settings import GatewaySettings
from api_gateway.streams import StreamRelay

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,64}")
ENTITY_TAG = re.compile(r'(?:W/)?"(\d{1,18})"')
REQUEST_SECONDS: Final = 30.0
BODY_SECONDS: Final = 30.0

LimitName = Literal["default", "sign_in", "refresh"]


class SlowBody(DeadlineExceeded):
    """The client sent its body too slowly, holding a place that others wait for."""

    default_reason = "request_timeout"


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


# Coroutines although they wait for nothing: FastAPI sends plain functions to a thread, for every request.
async def _edge(request: Request) -> Edge:
    return edge_of(request)


async def _principal(request: Request) -> Principal:
    return cast("Principal", request.state.principal)


async def _backends(request: Request) -> Backends:
    return edge_of(request).backends


UsesEdge = Annotated[Edge, Depends(_edge)]
UsesPrincipal = Annotated[Principal, Depends(_principal)]
"""Who sends this request; only on routes that demand it."""
UsesBackends = Annotated[Backends, Depends(_backends)]

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
            outgoing = Outgoing(facts(request, edge))
            set_outgoing(outgoing)  # also for what authentication asks of auth-service
            outgoing.pairs += await self.admit(request, edge)
            outgoing.pairs += _if_match(request)
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
        body = await _body(request)
        if body and self.body_field is not None:
            demand_json(request.headers.get("content-type", ""))
            request.parsed = parse(body)
        if not self.is_idempotent_by_key or request.method != "POST":
            return ()
        return _idempotency(request, body if request.parsed is None else canonical(request.parsed))

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
    """An `If-Match` header as the row version that the service compares.

    `*` names no version, so where one is demanded it is as good as none (428): nobody overwrites unseen.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return ()
    match = ENTITY_TAG.fullmatch(given.strip())
    if match is None:
        raise Aborted("If-Match is not an ETag of this resource; read it again first.")
    return ((metadata.IF_MATCH, match[1]),)


def facts(request: Request, edge: Edge) -> tuple[tuple[str, str], ...]:
    """What every call made for this request carries."""
    return (
        (metadata.REQUEST_ID, request.scope["request_id"]),
        (metadata.CLIENT_IP, _printable(edge.authenticator.client_ip(request))),
        (metadata.USER_AGENT, _printable(request.headers.get("user-agent", ""))),
    )


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise SlowBody("The body did not arrive in time; send it again over a better connection.") from None


def _printable(text: str) -> str:
    """Metadata values are visible ASCII; the rest of a header is worth nothing to us."""
    return "".join(character for character in text[:400] if " " <= character <= "~")


def _idempotency(request: Request, canonical_body: bytes) -> tuple[tuple[str, str], ...]:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ()
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidArgument(
            "Idempotency-Key must be 8 to 64 visible ASCII characters.",
            reason="invalid_idempotency_key",
            violations=[Violation("/header/Idempotency-Key", "8 to 64 visible ASCII characters")],
        )
    # Not from `request.url`: that one is put together with the client's Host header.
    target = f"{request.method} {request.scope['path']}?".encode() + cast("bytes", request.scope["query_string"])
    return (
        (metadata.IDEMPOTENCY_KEY, key),
        (metadata.REQUEST_HASH, hashlib.sha256(target + b"\n" + canonical_body).hexdigest()),
    )
