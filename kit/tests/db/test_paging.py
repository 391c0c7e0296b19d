import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from servicekit.db import Database
from servicekit.db.paging import CursorSigner, ListScope, Page, page, page_limit
from servicekit.db.schema import DeclarativeBase, Id, Name, UtcDateTime, new_metadata, now
from servicekit.errors import InvalidArgument
from servicekit.ids import new_id
from sqlalchemy import Index, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

SIGNER = CursorSigner(b"a secret of the service")
SCOPE = ListScope("notes", "workspace-1", {"q": "中", "archived": False})


class Table(DeclarativeBase):
    metadata = new_metadata()


class Note(Table):
    __tablename__ = "notes"
    __table_args__ = (Index(None, "workspace_id", "at", "id"),)

    workspace_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    title: Mapped[str] = mapped_column(Name(50))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    moment = now()

    async def fill(session: AsyncSession) -> None:
        for number in range(25):
            # Five share a moment, so that the id has to decide.
            at = moment + timedelta(microseconds=number // 5)
            session.add(Note(workspace_id="w", title=f"{number:02} 😀", at=at))
        session.add(Note(workspace_id="other", title="not ours", at=moment))

    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    await database.write(fill)
    yield database
    await database.close()


async def all_pages(database: Database, *, descending: bool, by_title: bool = False) -> list[list[str]]:
    order = (Note.title, Note.id) if by_title else (Note.at, Note.id)

    async def one_page(session: AsyncSession, cursor: str) -> Page[Note]:
        statement = select(Note).where(Note.workspace_id == "w")
        return await page(
            session, statement, order=order, signer=SIGNER, scope=SCOPE, limit=7, cursor=cursor,
            descending=descending,
        )  # fmt: skip

    pages, cursor = [], ""
    while True:
        found = await database.read(lambda session, cursor=cursor: one_page(session, cursor))  # type: ignore[misc]
        pages.append([note.title[:2] for note in found.items])
        cursor = found.next_cursor
        if not cursor:
            return pages


@pytest.mark.parametrize("by_title", [False, True])
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_hold_every_row_once_in_order(database: Database, *, descending: bool, by_title: bool) -> None:
    pages = await all_pages(database, descending=descending, by_title=by_title)

    expected = [f"{number:02}" for number in range(25)]
    if descending:
        expected.reverse()
    assert [len(each) for each in pages] == [7, 7, 7, 4]
    assert [title for each in pages for title in each] == expected


def test_a_cursor_returns_its_position() -> None:
    position = ("中 😀", 2**60, now(), None)

    assert SIGNER.open(SCOPE, SIGNER.seal(SCOPE, position)) == position


def test_no_cursor_is_the_beginning() -> None:
    assert SIGNER.open(SCOPE, "") is None


@pytest.mark.parametrize(
    "scope",
    [
        ListScope("versions", "workspace-1", SCOPE.filters),
        ListScope("notes", "workspace-2", SCOPE.filters),
        ListScope("notes", "workspace-1", {"q": "文", "archived": False}),
        ListScope("notes", "workspace-1", {"q": "中", "archived": True}),
        ListScope("notes", "workspace-1", {"q": "中"}),
    ],
)
def test_a_cursor_of_another_list_filter_or_workspace_is_refused(scope: ListScope) -> None:
    with pytest.raises(InvalidArgument) as refused:
        SIGNER.open(SCOPE, SIGNER.seal(scope, ("a", "b")))

    assert refused.value.reason == "invalid_cursor"


def test_a_cursor_of_another_service_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        SIGNER.open(SCOPE, CursorSigner(b"the secret of another").seal(SCOPE, ("a", "b")))


def test_no_byte_of_a_cursor_can_be_changed() -> None:
    raw = base64.urlsafe_b64decode(SIGNER.seal(SCOPE, ("abc", "def")) + "==")

    for index in range(len(raw)):
        forged = raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :]
        with pytest.raises(InvalidArgument):
            SIGNER.open(SCOPE, base64.urlsafe_b64encode(forged).decode().rstrip("="))


@pytest.mark.parametrize("cursor", ["x", "====", "中文", "a" * 100_000, "\0", "' OR 1=1", "bnVsbA", "\ud800"])
def test_garbage_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidArgument):
        SIGNER.open(SCOPE, cursor)


def test_the_limit_is_20_unless_asked_and_1_to_100() -> None:
    assert [page_limit(asked) for asked in (0, 1, 100)] == [20, 1, 100]
    for asked in (-1, 101, 2**31 - 1):
        with pytest.raises(InvalidArgument) as refused:
            page_limit(asked)
        assert refused.value.violations[0].pointer == "/limit"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        CursorSigner(b"short")
