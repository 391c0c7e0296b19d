"""Schema changes by Alembic, without its env.py: a service has only `migrations/versions/*.py`.

The folder stands at `<service-folder>/migrations`; the wheel carries it as `<package>/migrations`, by

    [tool.hatch.build.targets.wheel.force-include]
    "migrations" = "prompt_service/migrations"

Only `migrate` changes a schema, under a lock; services call `check_revision` when they start. A revision uses
the functions of `servicekit.migration_steps`, so that one that was killed halfway can run again.
"""

import importlib.util
from contextlib import AbstractContextManager
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData

from servicekit import migration_locks
from servicekit.db.database import Database
from servicekit.db.migration_engine import open_migration_engine

LOCK_LIMIT_SECONDS = 60.0


class WrongRevisionError(RuntimeError):
    """The schema is not the one that this code expects.

    Attributes:
        found: revision of the schema, None when it is empty.
        expected: revision that this code expects.
        is_ahead: the schema is newer than this code.
    """

    def __init__(self, found: str | None, expected: str | None, *, is_ahead: bool) -> None:
        advice = (
            "it was migrated by a newer version: start that version"
            if is_ahead
            else "run the service's `migrate` command first"
        )
        super().__init__(f"The database is at revision {found or 'none'}, this version expects {expected}; {advice}.")
        self.found = found
        self.expected = expected
        self.is_ahead = is_ahead


def script_location(package: str) -> Path:
    """The migrations of a service's package, installed as a wheel or editable.

    Raises:
        FileNotFoundError: there are none.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {package} is not installed")
    folder = Path(spec.origin).parent
    for candidate in (folder / "migrations", folder.parent / "migrations"):
        if (candidate / "versions").is_dir():
            return candidate
    raise FileNotFoundError(f"{package} has no migrations, neither in {folder} nor beside it")


def migrate(
    url: str, location: Path, *, revision: str = "head", lock_limit_seconds: float = LOCK_LIMIT_SECONDS
) -> None:
    """Bring the schema at `url` to `revision`; create it first when it is missing.

    Whoever comes second waits for the first. Killed at any moment, it may simply run again.

    Raises:
        MigrationLockedError: another migration took longer than `lock_limit_seconds`.
        WrongRevisionError: the schema is newer than these migrations.
    """
    engine = open_migration_engine(url)
    try:
        with _lock(engine, lock_limit_seconds):
            _run(engine, _scripts(location), revision)
    finally:
        engine.dispose()


async def check_revision(database: Database, location: Path) -> None:
    """Make sure that the schema is exactly at the revision of this code.

    Raises:
        WrongRevisionError: it is behind or ahead.
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    async with database.engine.connect() as connection:
        found = await connection.run_sync(_current)
    _demand_head(_scripts(location), found)


def assert_no_drift(url: str, location: Path, metadata: MetaData, *, ignored_prefixes: tuple[str, ...] = ()) -> None:
    """Migrate the empty schema at `url` and compare it with what the code declares; each service tests it.

    Args:
        url: of an empty schema.
        location: the service's migrations.
        metadata: of its declarative base, with all models imported.
        ignored_prefixes: of tables that migrations alone know, such as a full-text index of SQLite.

    Raises:
        AssertionError: they differ; the message lists the differences.
    """
    migrate(url, location)
    engine = open_migration_engine(url)

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or not (name or "").startswith(ignored_prefixes)

    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "include_name": is_ours if ignored_prefixes else None}
            differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    finally:
        engine.dispose()
    if differences:
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise AssertionError(f"the migrations do not make what the models declare:\n{listed}")


def _scripts(location: Path) -> ScriptDirectory:
    return ScriptDirectory(str(location), file_template="%%(rev)s_%%(slug)s")


def _run(engine: Engine, scripts: ScriptDirectory, revision: str) -> None:
    with engine.connect() as connection:
        found = _current(connection)
        if found is not None and not _knows(scripts, found):
            raise WrongRevisionError(found, scripts.get_current_head(), is_ahead=True)
        connection.rollback()

        def steps(current: object, _context: MigrationContext) -> object:
            # As alembic.command.upgrade, which would need a configuration file and an env.py.
            return scripts._upgrade_revs(revision, current)  # type: ignore[arg-type] # noqa: SLF001

        with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=revision) as environment:
            environment.configure(
                connection=connection,
                # MySQL commits at each DDL anyway; on SQLite step and revision commit together.
                transactional_ddl=connection.dialect.name == "sqlite",
                transaction_per_migration=True,
            )
            with environment.begin_transaction():
                environment.run_migrations()
        connection.commit()


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False


def _demand_head(scripts: ScriptDirectory, found: str | None) -> None:
    expected = scripts.get_current_head()
    if found != expected:
        is_ahead = found is not None and not _knows(scripts, found)
        raise WrongRevisionError(found, expected, is_ahead=is_ahead)


def _lock(engine: Engine, limit_seconds: float) -> AbstractContextManager[None]:
    if engine.dialect.name == "sqlite":
        return migration_locks.file_lock(Path(engine.url.database or ""), limit_seconds)
    return migration_locks.server_lock(engine, limit_seconds)
