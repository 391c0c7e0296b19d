"""A cut connection is never a defect: the next one is made unseen, or the caller is told to come back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.testing.mariadb import MariadbServer
from servicekit.testing.wire import CUTS, Cut, Wire
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

POOLED = 8
RECOVERY_LIMIT_SECONDS = 3.0

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Services run under uvloop; a lost connection shows differently there."""
    chosen: Run = request.param
    return chosen


@dataclass
class Rig:
    """A database behind a wire, and the driver's connections to it."""

    wire: Wire
    database: Database
    connections: list[Any] = field(default_factory=list)

    async def notice(self) -> None:
        """Wait until each connection has seen that its peer is gone, as an idle one has long before it is used."""
        while not all(_has_noticed(connection) for connection in self.connections):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)


def _has_noticed(connection: Any) -> bool:
    reader, writer = connection._reader, connection._writer
    return bool(writer is None or writer.transport.is_closing() or reader.at_eof() or reader.exception() is not None)


@asynccontextmanager
async def wired(server: MariadbServer) -> AsyncIterator[Rig]:
    wire = Wire(server.host, server.port)
    await wire.start()
    database = Database(
        server.url("mysql").replace(f":{server.port}/", f":{wire.port}/"), pool_size=POOLED, max_overflow=0
    )
    try:
        rig = Rig(wire, database)
        event.listen(
            database.engine.sync_engine, "connect", lambda made, _: rig.connections.append(made.driver_connection)
        )
        yield rig
    finally:
        wire.relay()
        await database.close()
        await wire.stop()


async def select(session: AsyncSession) -> None:
    await session.execute(text("SELECT 1"))


async def select_slowly(session: AsyncSession) -> None:
    await session.execute(text("SELECT SLEEP(0.2)"))


async def fill(database: Database) -> None:
    """Make as many connections as the pool keeps."""
    await asyncio.gather(*(database.read(select_slowly) for _ in range(POOLED)))


async def outcomes(calls: list[Coroutine[Any, Any, None]]) -> list[object]:
    """What the callers got; whatever is neither an answer nor `Unavailable` would be an internal error."""
    got = await asyncio.gather(*calls, return_exceptions=True)
    defects = [one for one in got if one is not None and not isinstance(one, Unavailable)]
    assert defects == []
    return list(got)


@pytest.mark.parametrize("how", CUTS)
def test_idle_connections_that_were_cut_are_replaced_unseen(mariadb_server: MariadbServer, run: Run, how: Cut) -> None:
    async def main() -> None:
        async with wired(mariadb_server) as rig:
            await fill(rig.database)
            rig.wire.cut(how)
            if how != "hole":  # which nobody can notice
                await rig.notice()
            begun = time.monotonic()

            calls = [rig.database.read(select) for _ in range(2 * POOLED)]
            got = await outcomes(calls + [rig.database.write(select) for _ in range(2 * POOLED)])

            assert set(got) == {None}
            assert time.monotonic() - begun < RECOVERY_LIMIT_SECONDS

    run(main())


@pytest.mark.parametrize("how", CUTS)
def test_a_cut_in_the_middle_is_unavailable_at_worst(mariadb_server: MariadbServer, run: Run, how: Cut) -> None:
    async def main() -> None:
        async with wired(mariadb_server) as rig:
            await fill(rig.database)

            calls = [rig.database.read(select_slowly, limit_seconds=2.0) for _ in range(POOLED // 2)]
            calls += [rig.database.write(select_slowly, limit_seconds=2.0) for _ in range(POOLED // 2)]
            answers = asyncio.ensure_future(outcomes(calls))
            while not _is_anyone_asleep(mariadb_server):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0)
            rig.wire.cut(how)
            got = await answers
            begun = time.monotonic()
            after = await outcomes([rig.database.write(select) for _ in range(POOLED)])

            if how != "hole":
                assert got[: POOLED // 2] == [None] * (POOLED // 2), "what only reads is asked again"
            assert set(after) == {None}
            assert time.monotonic() - begun < RECOVERY_LIMIT_SECONDS

    run(main())


def _is_anyone_asleep(server: MariadbServer) -> bool:
    ((asleep,),) = server.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")
    return asleep == POOLED


def test_connections_that_the_server_timed_out_are_replaced_unseen(mariadb_server: MariadbServer, run: Run) -> None:
    (before,) = mariadb_server.execute("SELECT @@GLOBAL.wait_timeout")[0]
    mariadb_server.execute("SET GLOBAL wait_timeout=4")

    async def main() -> None:
        async with wired(mariadb_server) as rig:
            await fill(rig.database)
            await rig.notice()

            got = await outcomes([rig.database.write(select) for _ in range(2 * POOLED)])

            assert set(got) == {None}

    try:
        run(main())
    finally:
        mariadb_server.execute(f"SET GLOBAL wait_timeout={before}")


def test_a_server_that_greets_nobody_is_unavailable_soon(run: Run) -> None:
    async def main() -> None:
        async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        await _is_unavailable(say_nothing)

    run(main())


@pytest.mark.parametrize(
    "greeting",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\x00\x00\x00\xff\x10\x04", b"\x4a\x00\x00\x00\x0a5.5", b"\0" * 90],
)
def test_whatever_greets_instead_of_mysql_is_unavailable(run: Run, greeting: bytes) -> None:
    async def main() -> None:
        async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(greeting)
            writer.close()

        await _is_unavailable(greet)

    run(main())


async def _is_unavailable(serve: Callable[..., Coroutine[Any, Any, None]]) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    database = Database(f"mysql://root@127.0.0.1:{server.sockets[0].getsockname()[1]}/any")
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        await database.read(select)
    assert time.monotonic() - begun < RECOVERY_LIMIT_SECONDS
    await database.close()
    server.close()
