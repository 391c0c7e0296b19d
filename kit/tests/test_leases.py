import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from servicekit import leases
from servicekit.db import Database
from servicekit.db.clock import DatabaseTime
from servicekit.db.schema import DeclarativeBase, Id, Name, new_metadata
from servicekit.leases import Lease, Leased
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Table(DeclarativeBase):
    metadata = new_metadata()


class Job(Leased, Table):
    __tablename__ = "jobs"

    workspace_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(Name(10), default="running")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
        await connection.execute(insert(Job), [{"id": f"job-{n}", "workspace_id": "w"} for n in range(3)])
    yield database
    await database.close()


async def acquire(database: Database, owner: str, *, ttl_seconds: float = 30) -> Lease | None:
    return await database.write(
        lambda session: leases.acquire(session, Job, "job-0", owner=owner, ttl_seconds=ttl_seconds)
    )


async def renew(database: Database, lease: Lease) -> bool:
    return await database.write(lambda session: leases.renew(session, Job, lease, ttl_seconds=30))


async def release(database: Database, lease: Lease) -> bool:
    return await database.write(lambda session: leases.release(session, Job, lease))


async def expire(database: Database, lease: Lease) -> None:
    """What time does, at once: the lease ended a second ago."""

    async def end(session: AsyncSession) -> None:
        ended = DatabaseTime(timedelta(seconds=-1))
        await session.execute(
            update(Job).where(*leases.held(Job, lease), Job.workspace_id == "w").values(lease_until=ended),
            execution_options={"synchronize_session": False},
        )

    await database.write(end)


async def expired(database: Database) -> list[str]:
    return list(await database.read(lambda session: leases.find_expired(session, Job, Job.state == "running")))


async def test_one_of_many_who_race_wins(database: Database, database_url: str) -> None:
    other_process = Database(database_url)

    won = await asyncio.gather(
        *(acquire(each, f"{name}-{n}") for n in range(10) for name, each in (("a", database), ("b", other_process)))
    )
    await other_process.close()

    winners = [lease for lease in won if lease is not None]
    assert len(winners) == 1
    assert winners[0].epoch == 1


async def test_a_lease_that_is_held_is_not_given_again(database: Database) -> None:
    lease = await acquire(database, "a")

    assert lease is not None
    assert await acquire(database, "b") is None
    assert await acquire(database, "a") is None
    assert await renew(database, lease)


async def test_a_lease_that_ran_out_goes_to_the_next_with_a_new_epoch_and_fences_the_first(
    database: Database,
) -> None:
    first = await acquire(database, "a")
    assert first is not None
    await expire(database, first)

    second = await acquire(database, "b")

    assert second is not None
    assert second.epoch == first.epoch + 1
    assert not await renew(database, first)
    assert not await release(database, first)
    assert await renew(database, second)


async def test_the_same_owner_after_a_takeover_is_fenced_by_its_old_epoch(database: Database) -> None:
    first = await acquire(database, "a")
    assert first is not None
    await expire(database, first)
    assert await acquire(database, "a") is not None

    assert not await renew(database, first)


async def test_a_released_lease_is_free_at_once_and_not_found_as_expired(database: Database) -> None:
    lease = await acquire(database, "a")
    assert lease is not None

    assert await release(database, lease)

    assert await expired(database) == []
    again = await acquire(database, "b")
    assert again is not None
    assert again.epoch == 2


async def test_expired_leases_are_found_and_live_or_finished_ones_are_not(database: Database) -> None:
    lease = await acquire(database, "a")
    assert lease is not None
    assert await expired(database) == []
    await expire(database, lease)

    assert await expired(database) == ["job-0"]

    async def finish(session: AsyncSession) -> None:
        await session.execute(update(Job).where(Job.workspace_id == "w").values(state="done"))

    await database.write(finish)
    assert await expired(database) == []


async def test_no_such_row_gives_no_lease(database: Database) -> None:
    assert await database.write(lambda session: leases.acquire(session, Job, "none", owner="a", ttl_seconds=1)) is None
