"""The frame of a gRPC service: from its settings to a served port, and back down on SIGTERM."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
import uvloop
from sqlalchemy.exc import DBAPIError

from servicekit import log
from servicekit.auth.tokens import KeyRing, PublicKey
from servicekit.db.database import Database
from servicekit.errors import SphereError
from servicekit.migrations import revisions
from servicekit.migrations.locks import MigrationLockedError
from servicekit.migrations.revisions import WrongRevisionError
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.health import Health
from servicekit.rpc.server import create_server
from servicekit.settings import ServiceSettings, keep_private
from servicekit.tasks import TaskRegistry
from servicekit.telemetry import serve_metrics

S = TypeVar("S", bound=ServiceSettings)

_log = log.get_logger()


@dataclass(frozen=True, slots=True)
class Running(Generic[S]):
    """What a service is composed from; the frame opens and closes all of it."""

    settings: S
    database: Database
    redis: GuardedRedis
    tasks: TaskRegistry
    server: grpc.aio.Server
    keys: KeyRing


Compose = Callable[[Running[S]], AbstractAsyncContextManager[None]]


def main(name: str, *, settings: type[S], package: str, compose: Compose[S]) -> int:
    """Serve (no argument) or migrate the schema (`migrate`); the exit code.

    Args:
        name: for logs, `auth-service`.
        settings: the service's settings class.
        package: where its migrations lie.
        compose: registers servicers and starts what runs beside them; left after the server has stopped.
    """
    keep_private()
    try:
        chosen = settings()
        log.configure(name, level=chosen.log_level, for_people=chosen.debug)
    except ValueError as problem:
        sys.stderr.write(f"The {name} cannot start: {problem}\n")
        return 1
    try:
        if sys.argv[1:] == ["migrate"]:
            from servicekit.migrations import runner  # Alembic: 11 MB that who serves does not need

            runner.migrate(chosen.database_url, revisions.script_location(package))
            return 0
        if sys.argv[1:]:
            _log.error("arguments not understood", arguments=sys.argv[1:], known=["migrate"])
            return 2
        uvloop.run(_serve(chosen, package, compose))
    except (SphereError, WrongRevisionError, MigrationLockedError, DBAPIError, ValueError, OSError) as problem:
        _log.error("could not start", problem=str(problem))
        return 1
    return 0


@asynccontextmanager
async def trust(running: Running[S], fetch: Callable[[], Awaitable[Sequence[PublicKey]]]) -> AsyncIterator[None]:
    """Keep the ring of public keys read from `fetch` for as long as the service runs."""
    running.keys.start(fetch, running.tasks)
    yield


async def _serve(settings: S, package: str, compose: Compose[S]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
    )
    redis = GuardedRedis(
        settings.redis_url,
        pool_size=settings.redis_pool_size,
        timeout_seconds=settings.redis_timeout_seconds,
    )
    tasks = TaskRegistry()
    try:
        await revisions.check_revision(database, revisions.script_location(package))
        keys = KeyRing()
        server = create_server(keys, settings.service_credential())
        health = Health(server)
        running = Running(settings, database, redis, tasks, server, keys)
        async with compose(running):
            await _serve_until(stop, running, health)
    finally:
        await tasks.close()
        await redis.close()
        await database.close()


async def _serve_until(stop: asyncio.Event, running: Running[S], health: Health) -> None:
    """Order of going: unready, then no new calls, then open calls up to their grace."""

    async def is_ready() -> bool:
        await running.database.ping()
        return running.keys.is_loaded

    await health.withhold()
    try:
        bound = running.server.add_insecure_port(running.settings.listen)
    except RuntimeError as refused:  # what gRPC raises for a port that is taken or not ours to take
        raise OSError(f"Cannot listen on {running.settings.listen}: {refused}") from None
    await running.server.start()
    serve_metrics(running.settings.metrics_port)
    running.tasks.spawn("health", health.follow(is_ready))
    _log.info("serving", listen=running.settings.listen, port=bound)
    await stop.wait()
    _log.info("draining")
    await health.drain()
    await running.server.stop(grace=running.settings.drain_seconds)
    _log.info("stopped")
