import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pymysql
import pytest
from servicekit.db import Database
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
)
from servicekit.json_types import JsonValue
from servicekit.migrations import revisions, runner
from servicekit.migrations.engine import open_migration_engine
from servicekit.migrations.locks import MigrationLockedError
from servicekit.migrations.revisions import WrongRevisionError
from servicekit.testing.mariadb import MariadbServer
from sqlalchemy import Column, Index, UniqueConstraint, inspect, text
from sqlalchemy.orm import Mapped, mapped_column

HEAD = "20261124_01"
MIGRATE = (
    "import pathlib, sys; from servicekit.migrations.runner import migrate;"
    "migrate(sys.argv[1], pathlib.Path(sys.argv[2]))"
)


class Table(DeclarativeBase):
    metadata = new_metadata()


class Note(Table):
    __tablename__ = "notes"
    __table_args__ = (
        UniqueConstraint("workspace_id", "title"),
        Index(None, "workspace_id", "at", "id"),
        Index(None, "workspace_id", "tag"),
    )

    workspace_id: Mapped[str] = mapped_column(Id)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    title: Mapped[str] = mapped_column(Name(200))
    body: Mapped[str] = mapped_column(LongText)
    data: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[bytes | None] = mapped_column(Digest)
    raw: Mapped[bytes | None] = mapped_column(LongBytes)
    cost: Mapped[Decimal | None] = mapped_column(FixedPoint(6))
    is_done: Mapped[bool]
    tag: Mapped[str | None] = mapped_column(Name(50))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def start(url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, url, str(folder)], stderr=subprocess.PIPE)


async def test_a_migrated_schema_is_at_the_expected_revision(
    database: Database, database_url: str, migrations_folder: Path
) -> None:
    runner.migrate(database_url, migrations_folder)
    runner.migrate(database_url, migrations_folder)

    await revisions.check_revision(database, migrations_folder)


async def test_an_empty_or_older_schema_is_behind(
    database: Database, database_url: str, migrations_folder: Path
) -> None:
    with pytest.raises(WrongRevisionError, match="migrate") as empty:
        await revisions.check_revision(database, migrations_folder)
    runner.migrate(database_url, migrations_folder, revision="20261123_01")

    with pytest.raises(WrongRevisionError, match="migrate") as older:
        await revisions.check_revision(database, migrations_folder)

    assert (empty.value.found, empty.value.is_ahead) == (None, False)
    assert (older.value.found, older.value.expected) == ("20261123_01", HEAD)


async def test_a_newer_schema_is_ahead_and_is_not_touched(
    database: Database, database_url: str, migrations_folder: Path
) -> None:
    runner.migrate(database_url, migrations_folder)
    (migrations_folder / "versions" / "20261124_01_tag_notes.py").unlink()

    with pytest.raises(WrongRevisionError, match="newer") as refused:
        await revisions.check_revision(database, migrations_folder)
    with pytest.raises(WrongRevisionError):
        runner.migrate(database_url, migrations_folder)

    assert refused.value.is_ahead


async def test_two_migrators_at_once_both_end_well(
    database: Database, database_url: str, migrations_folder: Path
) -> None:
    both = [start(database_url, migrations_folder) for _ in range(2)]

    codes = [await asyncio.to_thread(each.wait, 60) for each in both]

    assert codes == [0, 0]
    await revisions.check_revision(database, migrations_folder)


async def test_killed_in_the_middle_it_runs_again_to_the_end(
    database: Database, database_url: str, migrations_folder: Path
) -> None:
    (migrations_folder / "versions" / "trap").touch()
    killed = start(database_url, migrations_folder)
    assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
    with pytest.raises(WrongRevisionError):
        await revisions.check_revision(database, migrations_folder)

    runner.migrate(database_url, migrations_folder)

    await revisions.check_revision(database, migrations_folder)
    engine = open_migration_engine(database_url)
    indexes = {index["name"] for index in inspect(engine).get_indexes("notes")}
    engine.dispose()
    assert {"ix_notes_workspace_id_at_id", "ix_notes_workspace_id_tag"} <= indexes


def test_who_waits_too_long_for_another_migration_is_told(database_url: str, migrations_folder: Path) -> None:
    engine = open_migration_engine(database_url)

    with (
        runner._lock(engine, 1),
        pytest.raises(MigrationLockedError, match="Another migration"),
    ):
        runner.migrate(database_url, migrations_folder, lock_limit_seconds=0.1)

    engine.dispose()
    runner.migrate(database_url, migrations_folder)


def test_what_the_models_declare_is_what_the_migrations_make(database_url: str, migrations_folder: Path) -> None:
    runner.assert_no_drift(database_url, migrations_folder, Table.metadata)


def test_drift_is_found(database_url: str, migrations_folder: Path) -> None:
    drifted = new_metadata()
    Table.metadata.tables["notes"].to_metadata(drifted).append_column(Column("forgotten", Name(50)))

    with pytest.raises(AssertionError, match="forgotten"):
        runner.assert_no_drift(database_url, migrations_folder, drifted)


def test_a_column_of_another_length_is_found(database_url: str, migrations_folder: Path) -> None:
    drifted = new_metadata()
    Table.metadata.tables["notes"].to_metadata(drifted).c.title.type = Name(300)

    with pytest.raises(AssertionError, match="title"):
        runner.assert_no_drift(database_url, migrations_folder, drifted)


def test_tables_that_only_migrations_know_can_be_left_out(database_url: str, migrations_folder: Path) -> None:
    runner.migrate(database_url, migrations_folder)
    engine = open_migration_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE note_search_data (a INTEGER)"))
    engine.dispose()

    with pytest.raises(AssertionError, match="note_search_data"):
        runner.assert_no_drift(database_url, migrations_folder, Table.metadata)
    runner.assert_no_drift(database_url, migrations_folder, Table.metadata, ignored_prefixes=("note_search",))


def test_a_missing_schema_is_created_if_the_user_may(mariadb_server: MariadbServer, migrations_folder: Path) -> None:
    mariadb_server.execute("CREATE USER IF NOT EXISTS 'small'@'127.0.0.1' IDENTIFIED BY 'p@:/w'")
    url = mariadb_server.url("made_by_migration")

    runner.migrate(url, migrations_folder)

    mariadb_server.execute("DROP DATABASE made_by_migration")
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        runner.migrate(
            f"mysql://small:p%40%3A%2Fw@{mariadb_server.host}:{mariadb_server.port}/not_allowed",
            migrations_folder,
        )


@pytest.mark.parametrize("within", [True, False])
def test_migrations_are_found_inside_the_wheel_and_beside_the_editable_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, within: bool
) -> None:
    name = f"some_service_{within}".lower()
    package = tmp_path / name
    expected = (package if within else tmp_path) / "migrations"
    package.mkdir()
    (package / "__init__.py").touch()
    (expected / "versions").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    assert revisions.script_location(name) == expected


def test_a_package_without_migrations_is_said() -> None:
    with pytest.raises(FileNotFoundError, match="no migrations"):
        revisions.script_location("servicekit")
    with pytest.raises(FileNotFoundError, match="not installed"):
        revisions.script_location("no_such_package_of_ours")
