from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from servicekit.db import Database
from servicekit.db.clock import DatabaseTime
from servicekit.db.schema import (
    DeclarativeBase,
    Digest,
    FixedPoint,
    Id,
    Json,
    LongBytes,
    LongText,
    Name,
    UtcDateTime,
    new_metadata,
    now,
)
from servicekit.ids import new_id
from servicekit.json_types import JsonValue
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Table(DeclarativeBase):
    metadata = new_metadata()


class Thing(Table):
    __tablename__ = "things"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str | None] = mapped_column(Name(100), unique=True)
    body: Mapped[str | None] = mapped_column(LongText)
    data: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    digest: Mapped[bytes | None] = mapped_column(Digest)
    raw: Mapped[bytes | None] = mapped_column(LongBytes)
    cost: Mapped[Decimal | None] = mapped_column(FixedPoint(6))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    yield database
    await database.close()


async def keep(database: Database, *things: Thing) -> None:
    async def add(session: AsyncSession) -> None:
        session.add_all(things)

    await database.write(add)


async def named(database: Database, name: str) -> list[str | None]:
    async def find(session: AsyncSession) -> list[str | None]:
        return list(await session.scalars(select(Thing.name).where(Thing.name == name)))

    return await database.read(find)


async def load(database: Database, thing_id: str) -> Thing:
    async def find(session: AsyncSession) -> Thing:
        return (await session.scalars(select(Thing).where(Thing.id == thing_id))).one()

    return await database.read(find)


async def test_names_that_differ_in_any_byte_are_different_keys(database: Database) -> None:
    names = ["a", "A", "a ", " a", "á", "a\u0301", "ａ", "中文", "😀", "😁", ""]

    await keep(database, *(Thing(name=name) for name in names))

    for name in names:
        assert await named(database, name) == [name]
    with pytest.raises(IntegrityError):
        await keep(database, Thing(name="a "))


async def test_names_sort_by_code_point_and_match_by_prefix(database: Database) -> None:
    await keep(database, *(Thing(name=name) for name in ["b", "a", "B", "中", "a_x", "abx", "😀"]))

    async def find(session: AsyncSession) -> tuple[list[str | None], list[str | None]]:
        everything = list(await session.scalars(select(Thing.name).order_by(Thing.name)))
        prefixed = select(Thing.name).where(Thing.name.startswith("a_", autoescape=True))
        return everything, list(await session.scalars(prefixed))

    everything, prefixed = await database.read(find)

    assert everything == ["B", "a", "a_x", "abx", "b", "中", "😀"]
    assert prefixed == ["a_x"]


async def test_a_name_of_100_emoji_fits(database: Database) -> None:
    await keep(database, Thing(name="😀" * 100))

    assert await named(database, "😀" * 100) == ["😀" * 100]


async def test_long_text_returns_byte_for_byte(database: Database) -> None:
    body = "\r\n\tline\n\n  é 中文 😀 \\ ' \" % :name {{x}} \u2028 trailing  \r\n" + "字" * 100_000
    thing_id = new_id()

    await keep(database, Thing(id=thing_id, body=body))

    assert (await load(database, thing_id)).body == body


async def test_json_returns_what_was_given(database: Database) -> None:
    data: JsonValue = {"中": ["😀", 1, 1.5, True, None, {"a": []}], "big": 2**53}
    thing_id = new_id()

    await keep(database, Thing(id=thing_id, data=data))

    assert (await load(database, thing_id)).data == data


async def test_moments_keep_microseconds_and_come_back_in_utc(database: Database) -> None:
    at = datetime(2040, 2, 29, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=8)))
    thing_id = new_id()

    await keep(database, Thing(id=thing_id, at=at))

    found = (await load(database, thing_id)).at
    assert found == at
    assert found is not None
    assert found.tzinfo is UTC


async def test_a_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        await keep(database, Thing(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


async def test_a_digest_of_another_length_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="32 bytes"):
        await keep(database, Thing(digest=b"short"))


async def test_bytes_and_digests_return_as_they_were(database: Database) -> None:
    thing_id, raw = new_id(), bytes(range(256)) * 400

    await keep(database, Thing(id=thing_id, raw=raw, digest=b"\x00" * 31 + b"\xff"))

    found = await load(database, thing_id)
    assert (found.raw, found.digest) == (raw, b"\x00" * 31 + b"\xff")


async def test_fixed_point_sums_exactly(database: Database) -> None:
    await keep(database, *(Thing(cost=Decimal("0.1")) for _ in range(10)), Thing(cost=Decimal("0.0000005")))

    async def add_up(session: AsyncSession) -> Decimal | None:
        return await session.scalar(select(func.sum(Thing.cost)))

    assert await database.read(add_up) == Decimal("1.000000")


async def test_an_id_that_cannot_be_one_is_just_not_found(database: Database) -> None:
    async def find(session: AsyncSession) -> list[str]:
        return list(await session.scalars(select(Thing.id).where(Thing.id.in_(["中文", "😀", "x" * 5000]))))

    assert await database.read(find) == []


async def test_the_clock_of_the_database_is_utc_and_can_be_moved(database: Database) -> None:
    async def ask(session: AsyncSession) -> tuple[datetime, datetime]:
        row = (await session.execute(select(DatabaseTime(), DatabaseTime(timedelta(minutes=-1.5))))).one()
        return row[0], row[1]

    current, earlier = await database.read(ask)

    assert abs(current - now()) < timedelta(seconds=5)
    assert timedelta(seconds=89) < current - earlier < timedelta(seconds=91)


def test_ids_increase() -> None:
    ids = [new_id() for _ in range(1000)]

    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {36}
