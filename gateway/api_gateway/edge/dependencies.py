"""What handlers work with, as FastAPI dependencies: the running edge, the principal, the backends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

from fastapi import Depends, Request

from api_gateway.backends import Backends
from api_gateway.delivery_cache import DeliveryCache
from api_gateway.edge.authentication import Authenticator, Principal
from api_gateway.edge.rate_limits import Limit, LimitName, RateLimits
from api_gateway.streaming.relay import StreamRelay


@dataclass(frozen=True, slots=True)
class Edge:
    """All that handlers work with; made once, at start."""

    backends: Backends
    authenticator: Authenticator
    rate_limits: RateLimits
    limits: dict[LimitName, Limit]
    delivery: DeliveryCache
    streams: StreamRelay
    origins: frozenset[str]


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


async def _forget_delivered(request: Request) -> Callable[[], None]:
    principal = await _principal(request)
    return lambda: edge_of(request).delivery.forget(principal.actor.workspace_id)


UsesEdge = Annotated[Edge, Depends(_edge)]
UsesPrincipal = Annotated[Principal, Depends(_principal)]
"""Who sends this request; only on routes that demand it."""
UsesBackends = Annotated[Backends, Depends(_backends)]
ForgetDelivered: TypeAlias = Annotated[Callable[[], None], Depends(_forget_delivered)]
"""Drops what this process holds of the caller's workspace; for handlers that change what is delivered."""
