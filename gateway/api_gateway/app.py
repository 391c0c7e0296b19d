"""The composition root: every object of the gateway is made here, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from servicekit.auth.tokens import KeyRing
from servicekit.errors import SphereError
from servicekit.redis.client import GuardedRedis
from servicekit.tasks import TaskRegistry
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from api_gateway.backends import connect
from api_gateway.delivery_cache import DeliveryCache
from api_gateway.edge.authentication import Authenticator
from api_gateway.edge.dependencies import Edge
from api_gateway.edge.live_sessions import LiveSessions
from api_gateway.edge.rate_limits import Limit, LimitName, RateLimits
from api_gateway.middleware.body_limit import BodyLimit
from api_gateway.middleware.envelope import Envelope
from api_gateway.middleware.heads import Heads
from api_gateway.middleware.overload import Overload
from api_gateway.openapi.docs_page import add_docs
from api_gateway.openapi.document import describe, operation_id
from api_gateway.problems.handlers import on_http_exception, on_sphere_error, on_validation_error
from api_gateway.readiness import Readiness
from api_gateway.routes import health
from api_gateway.routes.auth import api_keys, me, sign_in, well_known
from api_gateway.routes.generation import assessments, lint, models, requirements, runs
from api_gateway.routes.prompt import delivery, labels, prompts, versions
from api_gateway.settings import GatewaySettings
from api_gateway.streaming.relay import StreamRelay

ROUTERS: Final = (
    *sign_in.ROUTERS,
    me.router,
    api_keys.router,
    prompts.router,
    versions.router,
    labels.router,
    delivery.router,
    requirements.router,
    runs.router,
    assessments.router,
    lint.router,
    models.router,
    well_known.router,
    health.router,
)

EXPOSED_HEADERS: Final = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-Id",
)


def create_app(settings: GatewaySettings) -> FastAPI:
    """The ASGI application; connections are opened when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(app, settings):
            yield

    app = FastAPI(
        title="Prompt Sphere",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        middleware=_middleware(settings),
        exception_handlers={
            SphereError: on_sphere_error,
            RequestValidationError: on_validation_error,
            HTTPException: on_http_exception,
        },
    )
    app.router.redirect_slashes = False  # a redirect would drop a body or a credential for some clients
    for router in ROUTERS:
        app.include_router(router)
    add_docs(app)
    describe(app)
    return app


def _middleware(settings: GatewaySettings) -> list[Middleware]:
    layers = [Middleware(Envelope, trusted_proxies=settings.trusted_proxies)]
    if settings.origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_credentials=True,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=[
                    "Authorization",
                    "Content-Type",
                    "Idempotency-Key",
                    "If-Match",
                    "If-None-Match",
                    "Last-Event-ID",
                    "X-Request-Id",
                ],
                expose_headers=list(EXPOSED_HEADERS),
                max_age=600,
            ),
        )
    overload = Middleware(
        Overload,
        max_in_flight=settings.max_in_flight,
        max_waiting=settings.max_waiting,
        max_streams=settings.max_streams,
        max_pending_bodies=settings.max_pending_bodies,
        max_pending_bodies_per_address=settings.max_pending_bodies_per_address,
        trusted_proxies=settings.trusted_proxies,
    )
    return [*layers, overload, Middleware(BodyLimit), Middleware(Heads)]


@asynccontextmanager
async def _running(app: FastAPI, settings: GatewaySettings) -> AsyncIterator[None]:
    tasks = TaskRegistry()
    redis = GuardedRedis(
        settings.redis_url,
        pool_size=settings.redis_pool_size,
        timeout_seconds=settings.redis_timeout_seconds,
    )
    backends = connect(settings)
    keys = KeyRing()
    readiness = Readiness(backends, keys, redis)
    delivery_cache = DeliveryCache()
    sessions = LiveSessions(redis, backends)
    rate_limits, limits = RateLimits(redis), _limits(settings)
    app.state.readiness = readiness
    app.state.draining = asyncio.Event()
    app.state.edge = Edge(
        backends=backends,
        authenticator=Authenticator(
            keys,
            sessions,
            backends,
            trusted_proxies=settings.trusted_proxies,
            count_bad_key=partial(rate_limits.spend, limits["bad_key"]),
        ),
        rate_limits=rate_limits,
        limits=limits,
        origins=frozenset(settings.origins),
        delivery=delivery_cache,
        streams=StreamRelay(backends, settings.heartbeat_seconds, settings.reattach_seconds, app.state.draining),
    )
    keys.start(backends.signing_public_keys, tasks)
    tasks.spawn("readiness", readiness.follow())
    tasks.spawn("delivery-invalidations", delivery_cache.follow(redis))
    try:
        yield
    finally:
        await tasks.close()
        await backends.close()
        await redis.close()


def _limits(settings: GatewaySettings) -> dict[LimitName, Limit]:
    return {
        "default": Limit("default", settings.rate_per_second, settings.rate_burst),
        "sign_in": Limit("sign_in", settings.sign_in_rate_per_second, settings.sign_in_burst),
        "bad_key": Limit("bad_key", settings.bad_key_rate_per_second, settings.bad_key_burst),
        "refresh": Limit("refresh", settings.refresh_rate_per_second, settings.refresh_burst),
    }
