import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servicekit.db import Database
from servicekit.db.schema import DeclarativeBase, Id, Name, new_metadata
from servicekit.testing.workspace_guard import ForgottenWorkspaceError, guarded, unfiltered_tables
from sqlalchemy import ForeignKey, delete, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column


class Table(DeclarativeBase):
    metadata = new_metadata()


class Book(Table):
    __tablename__ = "books"

    workspace_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    title: Mapped[str] = mapped_column(Name(50))


class Chapter(Table):
    __tablename__ = "chapters"

    workspace_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    book_id: Mapped[str] = mapped_column(Id, ForeignKey("books.id"))


class Country(Table):
    __tablename__ = "countries"

    id: Mapped[str] = mapped_column(Id, primary_key=True)


MINE = Book.workspace_id == "w"
OTHER = aliased(Book)


@pytest.mark.parametrize(
    "statement",
    [
        select(Book).where(MINE),
        select(Book.title).where(Book.id == "1", MINE),
        select(func.count()).select_from(Book).where(MINE),
        select(Book).where(Book.workspace_id.in_(["w"])),
        update(Book).where(MINE).values(title="x"),
        delete(Book).where(MINE, Book.id == "1"),
        select(Country),
        select(Chapter)
        .join(Book, (Book.id == Chapter.book_id) & (Book.workspace_id == Chapter.workspace_id))
        .where(MINE),
        select(Book).where(MINE, exists().where(Chapter.workspace_id == Book.workspace_id)),
        select(select(Book).where(MINE).subquery().c.title),
        select(OTHER).where(OTHER.workspace_id == "w"),
        select(Book).where(MINE, exists().where(Chapter.workspace_id == "w", Chapter.book_id == Book.id)),
        select(Book).where(MINE, Book.id.in_(select(Chapter.book_id).where(Chapter.workspace_id == "w"))),
        insert(Book),
        text("SELECT 1"),
    ],
)
def test_filtered_statements_pass(statement: object) -> None:
    assert unfiltered_tables(statement) == []


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        (select(Book), ["books"]),
        (select(Book).where(Book.id == "1"), ["books"]),
        (select(Book.workspace_id).where(Book.id == "1"), ["books"]),
        (select(func.count()).select_from(Book), ["books"]),
        (select(func.count(Book.id)), ["books"]),
        (update(Book).where(Book.id == "1").values(title="x"), ["books"]),
        (update(Book).where(Book.id == "1").values(workspace_id="w"), ["books"]),
        (delete(Book).where(Book.id == "1"), ["books"]),
        (select(Book).where(MINE, exists().where(Chapter.book_id == Book.id)), ["chapters"]),
        (select(Book).join(Chapter, Chapter.book_id == Book.id).where(MINE), ["chapters"]),
        (select(select(Book.title).subquery().c.title), ["books"]),
        (select(Book).where(MINE).union_all(select(Book)), ["books"]),
        (select(Book).where(MINE, Book.id.in_(select(Chapter.book_id))), ["chapters"]),
        (select(Book).join(select(Book).where(MINE).subquery(), text("1=1")), ["books"]),
        (insert(Book).from_select(["id"], select(Book.id)), ["books"]),
        (select(OTHER).where(MINE), ["books (aliased)"]),
    ],
)
def test_a_forgotten_workspace_is_named(statement: object, missing: list[str]) -> None:
    assert unfiltered_tables(statement) == missing


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    # Not `database_url`, whose own guard would fail the tests that provoke it.
    database = Database(f"sqlite:///{tmp_path / 'books.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    yield database
    await database.close()


async def ask(session: AsyncSession, why: str) -> int:
    return len(list(await session.scalars(select(Book).execution_options(all_workspaces=why))))


async def ask_and_swallow(session: AsyncSession) -> None:
    with contextlib.suppress(ForgottenWorkspaceError):
        await ask(session, "")


async def test_a_statement_that_says_why_passes(database: Database) -> None:
    with guarded():
        assert await database.read(lambda session: ask(session, "the sweeper serves all")) == 0


async def test_a_statement_that_says_nothing_is_refused(database: Database) -> None:
    with guarded() as refused:
        with pytest.raises(ForgottenWorkspaceError, match="books"):
            await database.read(lambda session: ask(session, ""))
        refused.clear()


async def test_getting_by_id_alone_is_refused(database: Database) -> None:
    async def get(session: AsyncSession) -> None:
        await session.get(Book, "1")

    with pytest.raises(ForgottenWorkspaceError), guarded():
        await database.read(get)


async def test_a_refusal_that_was_swallowed_fails_at_the_end(database: Database) -> None:
    with pytest.raises(ForgottenWorkspaceError, match="without a filter"), guarded():
        await database.read(ask_and_swallow)


async def test_objects_that_were_loaded_may_be_changed_and_deleted(database: Database) -> None:
    async def make(session: AsyncSession) -> None:
        session.add(Book(workspace_id="w", id="1", title="a"))

    async def change(session: AsyncSession) -> None:
        book = (await session.scalars(select(Book).where(MINE))).one()
        book.title = "b"
        await session.flush()
        await session.delete(book)

    with guarded():
        await database.write(make)
        await database.write(change)
