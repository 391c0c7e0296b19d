"""One running stack: started in the order of its needs, ready by `/readyz`, stopped gateway first."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from local_stack import data_dir as folder
from local_stack import embedded_redis, servers
from local_stack.plan import make_plan
from local_stack.processes import ProcessSpec, Supervised
from local_stack.refusal import StartFailure
from local_stack.settings import StackSettings

START_LIMIT_SECONDS = 90.0
GIVE_UP_DEATHS = 3
"""A process that dies this often before the stack was ever ready won't come up by trying again."""
GATEWAY_STOP_SECONDS = 28.0
SERVICES_STOP_SECONDS = 9.0
REDIS_STOP_SECONDS = 2.0

Show = Callable[[str], None]


class Stack:
    """The processes of a stack, in the three groups that are stopped one after the other.

    Args:
        settings: a port of 0 is replaced by one that is free now.
        show: prints one line for the person at the terminal.
    """

    def __init__(self, settings: StackSettings, show: Show) -> None:
        if settings.port == 0:
            settings = dataclasses.replace(settings, port=servers.free_port(settings.host))
        self.settings = settings
        self._show = show
        self.redis: list[Supervised] = []
        self.services: list[Supervised] = []
        self.gateways: list[Supervised] = []

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    @property
    def processes(self) -> list[Supervised]:
        """All of them."""
        return [*self.redis, *self.services, *self.gateways]

    @asynccontextmanager
    async def running(self, environment: Mapping[str, str]) -> AsyncIterator[None]:
        """Ready and announced in `DATA_DIR/stack.json` inside, gone afterwards.

        Raises:
            Refusal: something must be changed first.
            StartFailure: a process does not come up.
        """
        data_dir = self.settings.data_dir
        folder.prepare(data_dir)
        with folder.held(data_dir) as sockets:
            await asyncio.to_thread(_check, self.settings)
            try:
                await self._start(sockets, environment)
                here = folder.RunningStack(url=self.url, pid=os.getpid(), engine=self.settings.engine)
                folder.announce(data_dir, here)
                yield
            finally:
                folder.withdraw(data_dir)
                await self._stop()

    def kill(self) -> None:
        """End everything now."""
        for process in self.processes:
            process.kill()

    async def _start(self, sockets: Path, environment: Mapping[str, str]) -> None:
        embedded_url = embedded_redis.redis_url(sockets)
        plan = make_plan(
            self.settings,
            sockets=sockets,
            redis_url=self.settings.redis_url or embedded_url,
            environment=environment,
            free_port=servers.free_port,
        )
        if not self.settings.redis_url:
            self.redis = self._supervised([embedded_redis.redis_spec(sockets, dict(environment))])
        self.services = self._supervised(plan.services)
        self.gateways = self._supervised(plan.gateways)
        try:
            async with asyncio.timeout(START_LIMIT_SECONDS), asyncio.TaskGroup() as group:
                for process in self.processes:
                    group.create_task(process.start())
                group.create_task(self._until_ready())
        except TimeoutError:
            raise StartFailure(f"The stack was not ready within {START_LIMIT_SECONDS:.0f} s.") from None
        except BaseExceptionGroup as failures:
            raise _first(failures) from None

    async def _stop(self) -> None:
        for group, limit_seconds in (
            (self.gateways, GATEWAY_STOP_SECONDS),
            (self.services, SERVICES_STOP_SECONDS),
            (self.redis, REDIS_STOP_SECONDS),
        ):
            await asyncio.gather(*(process.stop(limit_seconds) for process in group))

    def _supervised(self, specs: Sequence[ProcessSpec]) -> list[Supervised]:
        return [Supervised(spec, self.settings.data_dir / "logs", self._show) for spec in specs]

    async def _until_ready(self) -> None:
        # Each worker has its own connections to the backends; the kernel spreads new connections over them.
        wanted = 1 if self.settings.workers == 1 else 8 * self.settings.workers
        ready = 0
        while ready < wanted:
            for process in self.processes:
                if process.deaths >= GIVE_UP_DEATHS:
                    raise StartFailure("\n".join([f"{process.spec.name} does not start:", *process.tail]))
            ready = ready + 1 if await answers_ready(self.settings.host, self.settings.port) else 0
            if ready == 0:
                await asyncio.sleep(0.05)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """One of several failures at once: a person can mend one thing at a time."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def answers_ready(host: str, port: int) -> bool:
    """True when `GET /readyz` there is answered by 200."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except OSError:
        return False


def _check(settings: StackSettings) -> None:
    servers.check_port(settings.host, settings.port)
    if settings.redis_url:
        servers.check_redis(settings.redis_url)
    if settings.mysql is not None:
        servers.prepare_mysql(settings.mysql)
