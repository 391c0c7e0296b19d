import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from servicekit.db import Contended, Database
from servicekit.db.schema import DeclarativeBase, Name, new_metadata
from servicekit.errors import NotFound, Unavailable
from servicekit.testing.mariadb import MariadbServer
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Table(DeclarativeBase):
    metadata = new_metadata()


class Counter(Table):
    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(Name(20), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
        await connection.execute(insert(Counter), [{"name": "a", "value": 0}, {"name": "b", "value": 0}])
    yield database
    await database.close()


async def value(database: Database, name: str = "a") -> int:
    async def find(session: AsyncSession) -> int:
        return (await session.scalars(select(Counter.value).where(Counter.name == name))).one()

    return await database.read(find)


async def increment(session: AsyncSession, name: str = "a") -> None:
    counter = (await session.scalars(select(Counter).where(Counter.name == name).with_for_update())).one()
    counter.value += 1


async def test_fifty_increments_at_once_are_all_counted(database: Database) -> None:
    await asyncio.gather(*(database.write(increment) for _ in range(50)))

    assert await value(database) == 50


async def test_a_unit_that_raises_changes_nothing(database: Database) -> None:
    async def fail(session: AsyncSession) -> None:
        await increment(session)
        await session.flush()
        raise NotFound("Nothing is here.")

    with pytest.raises(NotFound):
        await database.write(fail)

    assert await value(database) == 0


async def test_what_a_unit_gives_can_be_read_after_the_commit(
    database: Database,
) -> None:
    async def make(session: AsyncSession) -> Counter:
        counter = Counter(name="new", value=7)
        session.add(counter)
        return counter

    counter = await database.write(make)

    assert (counter.name, counter.value) == ("new", 7)
    assert await value(database, "new") == 7


async def test_a_reading_unit_that_changes_something_is_refused(database: Database) -> None:
    async def change(session: AsyncSession) -> None:
        await increment(session)
        await session.flush()

    with pytest.raises(RuntimeError, match=r"Database\.write"):
        await database.read(change)

    assert await value(database) == 0


async def test_two_that_lock_in_opposite_order_both_succeed(database: Database) -> None:
    """A deadlock on MySQL (each waits for the other's row); on SQLite they simply take turns."""
    tries = {"ab": 0, "ba": 0}
    both_hold_one = asyncio.Barrier(2)

    async def lock_both(session: AsyncSession, order: str) -> None:
        tries[order] += 1
        await increment(session, order[0])
        await session.flush()
        if database.dialect == "mysql" and tries[order] == 1:
            await both_hold_one.wait()
        await increment(session, order[1])

    await asyncio.gather(
        database.write(lambda session: lock_both(session, "ab")),
        database.write(lambda session: lock_both(session, "ba")),
    )

    assert (await value(database, "a"), await value(database, "b")) == (2, 2)
    assert sum(tries.values()) == (3 if database.dialect == "mysql" else 2)


@pytest.mark.slow
async def test_who_never_gets_the_lock_is_told_after_three_tries(database: Database, database_url: str) -> None:
    """On MySQL the lock of a row, on SQLite that of the file; the holder has a pool of its own."""
    holder = Database(database_url)
    held, let_go, tries = asyncio.Event(), asyncio.Event(), 0

    async def hold(session: AsyncSession) -> None:
        await increment(session)
        await session.flush()
        held.set()
        await let_go.wait()

    async def count(session: AsyncSession) -> None:
        nonlocal tries
        tries += 1
        await increment(session)

    holding = asyncio.create_task(holder.write(hold, limit_seconds=60))
    await held.wait()
    with pytest.raises(Contended) as refused:
        await database.write(count, limit_seconds=30)
    let_go.set()
    await holding
    await holder.close()

    assert refused.value.reason == "unavailable"
    assert refused.value.retry_after_seconds
    assert tries == 3
    assert await value(database) == 1


async def test_an_integrity_error_is_not_tried_again(database: Database) -> None:
    tries = 0

    async def double(session: AsyncSession) -> None:
        nonlocal tries
        tries += 1
        session.add(Counter(name="a"))

    with pytest.raises(IntegrityError):
        await database.write(double)

    assert tries == 1


async def test_a_cancelled_unit_rolls_back_and_frees_its_connection_and_locks(database: Database) -> None:
    async def stall(session: AsyncSession, started: asyncio.Event) -> None:
        await increment(session)
        await session.flush()
        started.set()
        await asyncio.Event().wait()

    # More often than there are connections: a leaked one would be missed.
    for _ in range(35):
        started = asyncio.Event()
        task = asyncio.create_task(database.write(lambda session, started=started: stall(session, started)))  # type: ignore[misc]
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    await database.write(increment)
    assert await value(database) == 1
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_cancelled_in_the_middle_of_a_statement_the_database_still_works(database: Database) -> None:
    slow = (
        "SELECT SLEEP(0.5)"
        if database.dialect == "mysql"
        else "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n"
    )
    running = asyncio.Event()

    async def sleep(session: AsyncSession) -> None:
        await increment(session)
        await session.flush()
        running.set()
        await session.execute(text(slow))

    async def cancel_one() -> None:
        task = asyncio.create_task(database.write(sleep))
        await running.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(3):
        running.clear()
        await cancel_one()
    await database.write(increment)

    assert await value(database) == 1


async def test_a_unit_over_its_limit_is_ended_and_rolled_back(database: Database) -> None:
    async def stall(session: AsyncSession) -> None:
        await increment(session)
        await session.flush()
        await asyncio.Event().wait()

    with pytest.raises(Unavailable) as refused:
        await database.write(stall, limit_seconds=0.2)

    assert refused.value.retry_after_seconds
    assert await value(database) == 0
    await database.write(increment)


async def test_a_timeout_of_the_unit_itself_passes_as_it_is(database: Database) -> None:
    async def wait(session: AsyncSession) -> None:
        del session
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await database.write(wait)


async def test_ping_answers(database: Database) -> None:
    await database.ping()


async def test_readers_go_on_while_a_writer_holds_its_transaction(database: Database) -> None:
    async def hold_and_read(session: AsyncSession) -> int:
        await increment(session)
        await session.flush()
        return await value(database)

    assert await database.write(hold_and_read) == 0
    assert await value(database) == 1


async def test_a_full_pool_says_unavailable(mariadb_server: MariadbServer) -> None:
    database = Database(mariadb_server.url("mysql"), pool_size=1, max_overflow=0)

    async def nested(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        await database.ping()

    with pytest.raises(Unavailable, match="busy"):
        await database.read(nested)
    await database.close()


async def test_a_statement_over_three_seconds_is_ended_by_the_server(mariadb_server: MariadbServer) -> None:
    database = Database(mariadb_server.url("mysql"), statement_limit_seconds=0.2)

    async def sleep(session: AsyncSession) -> None:
        await session.execute(text("SELECT SLEEP(5) FROM information_schema.schemata"))

    with pytest.raises(Unavailable):
        await database.read(sleep)
    await database.close()


async def test_sessions_on_mysql_are_read_committed_strict_and_utc(mariadb_server: MariadbServer) -> None:
    database = Database(mariadb_server.url("mysql"))

    async def ask(session: AsyncSession) -> tuple[object, ...]:
        variables = "@@tx_isolation, @@time_zone, @@max_statement_time, @@innodb_lock_wait_timeout"
        return tuple((await session.execute(text(f"SELECT {variables}, @@sql_mode"))).one())

    isolation, zone, limit, lock_wait, mode = await database.read(ask)
    await database.close()

    assert (isolation, zone, float(str(limit)), lock_wait) == ("READ-COMMITTED", "+00:00", 3.0, 2)
    assert "STRICT_ALL_TABLES" in str(mode)


async def test_a_server_that_is_not_there_is_unavailable_at_once(unused_port: int) -> None:
    database = Database(f"mysql://nobody:secret@127.0.0.1:{unused_port}/none")

    with pytest.raises(Unavailable) as refused:
        await database.ping()
    await database.close()

    assert "secret" not in refused.value.message


async def test_killed_connections_are_replaced(mariadb_server: MariadbServer) -> None:
    database = Database(mariadb_server.url("mysql"))

    async def connection_id(session: AsyncSession) -> int:
        return int((await session.scalar(select(func.connection_id()))) or 0)

    first = await database.read(connection_id)
    mariadb_server.execute(f"KILL {first}")

    assert await database.read(connection_id) != first
    await database.close()


async def test_a_connection_lost_inside_a_unit_is_unavailable_and_not_tried_again(
    mariadb_server: MariadbServer,
) -> None:
    database = Database(mariadb_server.url("mysql"))
    tries = 0

    async def lose(session: AsyncSession) -> None:
        nonlocal tries
        tries += 1
        own = await session.scalar(select(func.connection_id()))
        mariadb_server.execute(f"KILL {own}")
        await session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        await database.write(lose)

    assert tries == 1
    await database.ping()
    await database.close()


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://a:hush@b/c", "mysql://a:hush@b", "mysql//a:hush@b/c"])
def test_other_urls_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError, match="use sqlite") as refused:
        Database(url)

    assert "hush" not in str(refused.value)


async def test_an_unreachable_file_is_unavailable() -> None:
    database = Database("sqlite:////nonexistent/folder/file.db")
    threads = threading.active_count()

    with pytest.raises(Unavailable):
        await database.ping()
    await database.close()

    # The driver's thread for the failed connection still speaks to the loop.
    while threading.active_count() > threads:  # noqa: ASYNC110 - a thread sets no event
        await asyncio.sleep(0.01)


async def test_updates_count_the_rows_they_match_even_if_nothing_changes(database: Database) -> None:
    async def same(session: AsyncSession) -> int:
        result = await session.execute(update(Counter).where(Counter.name == "a").values(value=0))
        return int(result.rowcount)  # type: ignore[attr-defined]

    assert await database.write(same) == 1


async def test_a_storm_of_writers_that_lock_in_any_order_loses_nothing(database: Database) -> None:
    """Fifty writers, two rows, either order: deadlocks all the time on MySQL, none of them seen."""

    async def both(session: AsyncSession, order: str) -> None:
        for name in order:
            await increment(session, name)
            await session.flush()

    await asyncio.gather(
        *(
            database.write(lambda session, order=order: both(session, order))  # type: ignore[misc]
            for order in ["ab", "ba"] * 25
        )
    )

    assert (await value(database, "a"), await value(database, "b")) == (50, 50)


async def test_the_text_of_an_error_holds_no_values(database: Database) -> None:
    """It goes to the log, where no prompt, address or hash belongs."""

    async def fail(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO no_such_table VALUES (:hash)"), {"hash": "$argon2id$canary"})

    with pytest.raises(DBAPIError) as failed:
        await database.write(fail)

    assert "no_such_table" in str(failed.value)
    assert "canary" not in str(failed.value)
