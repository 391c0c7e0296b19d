"""What callers see while the way to the server is cut, and how soon it works again."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.testing.mariadb import MariadbServer
from servicekit.testing.wire import Wire
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@pytest.fixture
async def wire(mariadb_server: MariadbServer) -> AsyncIterator[Wire]:
    wire = Wire(mariadb_server.host, mariadb_server.port)
    await wire.start()
    yield wire
    wire.relay()
    await wire.stop()


@pytest.fixture
async def database(mariadb_server: MariadbServer, wire: Wire) -> AsyncIterator[Database]:
    direct = mariadb_server.url("mysql")
    database = Database(direct.replace(f":{mariadb_server.port}/", f":{wire.port}/"))
    yield database
    await database.close()


async def ask(database: Database, *, limit_seconds: float = 1.0) -> None:
    async def unit(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))

    await database.read(unit, limit_seconds=limit_seconds)


async def test_a_black_hole_is_unavailable_in_time_and_over_when_it_ends(database: Database, wire: Wire) -> None:
    await asyncio.gather(*(ask(database) for _ in range(5)))
    wire.swallow()

    for _ in range(2):
        answers = await asyncio.gather(*(ask(database) for _ in range(40)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unavailable}
    wire.relay()
    begun = time.monotonic()
    await ask(database, limit_seconds=3.0)

    assert time.monotonic() - begun < 3.0


async def test_a_server_that_went_and_came_back_is_used_again(database: Database, wire: Wire) -> None:
    await asyncio.gather(*(ask(database) for _ in range(5)))
    await wire.stop()

    with pytest.raises(Unavailable):
        await ask(database)
    await wire.start()

    await ask(database)
