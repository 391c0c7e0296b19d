import asyncio
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from servicekit.db import Database
from servicekit.db.schema import DeclarativeBase, new_metadata
from servicekit.errors import Unavailable
from servicekit.housekeeping import Purge, keep_purged, purge_expired
from sqlalchemy import Connection, delete, func, insert, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

BATCH = 2
SOON_SECONDS = 0.01


class Table(DeclarativeBase):
    metadata = new_metadata()


class Leaf(Table):
    __tablename__ = "leaves"

    id: Mapped[int] = mapped_column(primary_key=True)
    is_dead: Mapped[bool]


class Twig(Table):
    __tablename__ = "twigs"

    id: Mapped[int] = mapped_column(primary_key=True)
    is_dead: Mapped[bool]


def _grow(connection: Connection) -> None:
    """Five dead and one living of each."""
    Table.metadata.create_all(connection)
    for kind in (Leaf, Twig):
        connection.execute(insert(kind), [{"id": number, "is_dead": number <= 5} for number in range(1, 7)])


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(_grow)
    yield database
    await database.close()


async def delete_dead(session: AsyncSession, kind: type[Leaf | Twig]) -> int:
    dead = list(await session.scalars(select(kind.id).where(kind.is_dead).order_by(kind.id).limit(BATCH)))
    await session.execute(delete(kind).where(kind.id.in_(dead)))
    return len(dead)


class Purges:
    """A purge of each kind, and the batches that they deleted."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.is_tried = asyncio.Event()

    async def leaves(self, session: AsyncSession) -> int:
        return self._note(await delete_dead(session, Leaf))

    async def twigs(self, session: AsyncSession) -> int:
        return self._note(await delete_dead(session, Twig))

    async def nothing(self, session: AsyncSession) -> int:
        return self._note(int(await session.scalar(text("SELECT 0")) or 0))

    def _note(self, count: int) -> int:
        self.batches.append(count)
        self.is_tried.set()
        return count


@asynccontextmanager
async def kept_purged(database: Database, purges: Sequence[Purge]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(keep_purged(database, purges, interval_seconds=SOON_SECONDS))
    yield task
    task.cancel()
    await asyncio.wait([task])


async def logged(logs: Sequence[MutableMapping[str, Any]], event: str) -> MutableMapping[str, Any]:
    """The first log line of this event, waited for."""
    while True:
        for line in logs:
            if line["event"] == event:
                return line
        await asyncio.sleep(0.005)


async def counts(database: Database) -> tuple[int, int]:
    async def count(session: AsyncSession) -> tuple[int, int]:
        leaves = await session.scalar(select(func.count()).select_from(Leaf))
        return leaves or 0, await session.scalar(select(func.count()).select_from(Twig)) or 0

    return await database.read(count)


async def test_every_purge_goes_on_in_batches_until_nothing_is_due(database: Database) -> None:
    purges = Purges()

    deleted = await purge_expired(database, [purges.leaves, purges.twigs])

    assert deleted == 10
    assert purges.batches == [2, 2, 1, 0, 2, 2, 1, 0]
    assert await counts(database) == (1, 1)


async def test_with_nothing_due_each_purge_is_asked_once(database: Database) -> None:
    purges = Purges()

    assert await purge_expired(database, [purges.nothing, purges.nothing]) == 0
    assert purges.batches == [0, 0]


async def test_each_batch_is_a_transaction_of_its_own(database: Database) -> None:
    """What was deleted before a failure stays deleted."""
    purges = Purges()

    async def fail(_session: AsyncSession) -> int:
        raise Unavailable("The database is not available.")

    with pytest.raises(Unavailable):
        await purge_expired(database, [purges.leaves, fail, purges.twigs])

    assert await counts(database) == (1, 6)


async def test_any_number_may_purge_at_once(database: Database) -> None:
    """Two may find the same rows; nothing that lives is lost, and no one fails."""
    purges = Purges()

    await asyncio.gather(*(purge_expired(database, [purges.leaves, purges.twigs]) for _ in range(5)))

    assert await counts(database) == (1, 1)


async def test_housekeeping_says_how_much_it_deleted_and_goes_on(database: Database) -> None:
    purges = Purges()

    with structlog.testing.capture_logs() as logs:
        async with kept_purged(database, [purges.leaves, purges.twigs]):
            first = await logged(logs, "housekeeping was done")
            purges.is_tried.clear()
            await purges.is_tried.wait()

    assert first == {"event": "housekeeping was done", "log_level": "info", "deleted_rows": 10}
    assert await counts(database) == (1, 1)


async def test_a_database_that_is_away_is_logged_and_tried_again(database_url: str) -> None:
    kind = make_url(database_url).get_backend_name()
    database = Database(f"{database_url}_away" if kind == "mysql" else f"{database_url}_away/test.db")
    purges = Purges()

    with structlog.testing.capture_logs() as logs:
        async with kept_purged(database, [purges.nothing]) as task:
            away = await logged(logs, "housekeeping was put off")
            assert not purges.is_tried.is_set()
            async with existing(database_url, str(database.engine.url.database)):
                back = await logged(logs, "housekeeping was done")
                task.cancel()
                await asyncio.wait([task])
                await database.close()

    assert away["log_level"] == "warning"
    assert "not available" in away["problem"]
    assert back["deleted_rows"] == 0


async def test_a_defect_ends_housekeeping_and_is_seen(database: Database) -> None:
    async def fail(_session: AsyncSession) -> int:
        raise ValueError("broken")

    async with kept_purged(database, [fail]) as task:
        await asyncio.wait([task])

        assert isinstance(task.exception(), ValueError)


@asynccontextmanager
async def existing(neighbour_url: str, name: str) -> AsyncIterator[None]:
    """The schema `name`, or the folder of the file `name`, is there meanwhile."""
    if make_url(neighbour_url).get_backend_name() == "sqlite":
        Path(name).parent.mkdir()
        yield
        return
    neighbour = Database(neighbour_url)
    async with neighbour.engine.begin() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield
    async with neighbour.engine.begin() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))
    await neighbour.close()
