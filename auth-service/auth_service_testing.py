"""A whole auth-service in this process, on a real port, for tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import grpc
from auth_service.__main__ import compose
from auth_service.settings import AuthSettings
from servicekit.auth.tokens import KeyRing
from servicekit.db import Database
from servicekit.db.schema import now
from servicekit.errors import SphereError
from servicekit.migrations import revisions, runner
from servicekit.redis.client import GuardedRedis
from servicekit.rpc import metadata
from servicekit.rpc.server import create_server
from servicekit.rpc.status import error_from_rpc
from servicekit.service import Running
from servicekit.tasks import TaskRegistry
from servicekit.testing.rpc import CREDENTIAL, Pairs

T = TypeVar("T")

PASSWORD = "correct horse battery staple"  # noqa: S105 - made up


class MovedClock:
    """The real time, moved by what a test has let pass."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """The time it is for the service."""
        return now() + self._offset

    def advance(self, *, seconds: float) -> None:
        """Let time pass."""
        self._offset += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Rig:
    """A running service and what a test may look at."""

    running: Running[AuthSettings]
    channel: grpc.aio.Channel
    clock: MovedClock

    @property
    def database(self) -> Database:
        """The service's own."""
        return self.running.database

    def as_gateway(
        self,
        *,
        access_token: str = "",
        ip: str = "203.0.113.7",
        idempotency_key: str = "",
        if_match: str = "",
    ) -> Pairs:
        """Metadata as the gateway sends it, with a caller's token if there is one."""
        pairs = [
            (metadata.SERVICE_CREDENTIAL, CREDENTIAL),
            (metadata.CLIENT_IP, ip),
            (metadata.USER_AGENT, "tests"),
        ]
        if access_token:
            pairs.append((metadata.AUTHORIZATION, f"Bearer {access_token}"))
        if idempotency_key:
            pairs += [(metadata.IDEMPOTENCY_KEY, idempotency_key), (metadata.REQUEST_HASH, "00")]
        if if_match:
            pairs.append((metadata.IF_MATCH, if_match))
        return tuple(pairs)


async def answer_of(call: Awaitable[T], show: Callable[[T], str]) -> str:
    """What `show` sees in the answer of a call, or the reason it was refused for."""
    try:
        return show(await call)
    except grpc.aio.AioRpcError as failure:
        return error_from_rpc(failure).reason


async def reason_of(call: Awaitable[object]) -> str:
    """Await a call that must be refused; the reason it was refused for."""
    return (await refusal_of(call)).reason


async def refusal_of(call: Awaitable[object]) -> SphereError:
    """Await a call that must be refused; what the caller is told."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as failure:
        return error_from_rpc(failure)
    raise AssertionError(f"was not refused: {answer}")


def settings_for(database_url: str, folder: Path, *, redis_url: str = "", queue_size: int = 64) -> AuthSettings:
    """Settings of a test: registration open, hashes as cheap as argon2 allows for."""
    return AuthSettings(
        database_url=database_url,
        redis_url=redis_url,
        secrets_dir=folder,
        registration_open=True,
        password_memory_kib=7168,
        password_iterations=1,
        password_queue_size=queue_size,
    )


@asynccontextmanager
async def running_auth(settings: AuthSettings) -> AsyncIterator[Rig]:
    """Migrate, serve on a free loopback port, and stop at the end."""
    runner.migrate(settings.database_url, revisions.script_location("auth_service"))
    database = Database(settings.database_url)
    redis = GuardedRedis(settings.redis_url)
    tasks, keys, clock = TaskRegistry(), KeyRing(), MovedClock()
    server = create_server(keys, CREDENTIAL)
    running = Running(settings, database, redis, tasks, server, keys)
    try:
        async with compose(running, clock=clock):
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Rig(running, channel, clock)
            await server.stop(grace=0.2)
    finally:
        await tasks.close()
        await redis.close()
        await database.close()
