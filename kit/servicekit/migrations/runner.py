"""Schema changes by Alembic, without its env.py: a service has only `migrations/versions/*.py`.

The folder stands at `<service-folder>/migrations`; the wheel carries it as `<package>/migrations`, by

    [tool.hatch.build.targets.wheel.force-include]
    "migrations" = "prompt_service/migrations"

Only `migrate` changes a schema, under a lock; services call `revisions.check_revision` when they start. A revision uses
the functions of `servicekit.migrations.steps`, so that one that was killed halfway can run again.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData

from servicekit.migrations import locks
from servicekit.migrations.engine import open_migration_engine
from servicekit.migrations.revisions import WrongRevisionError, current, revisions_in

LOCK_LIMIT_SECONDS = 60.0


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
            _run(engine, location, revision)
    finally:
        engine.dispose()


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


def _run(engine: Engine, location: Path, revision: str) -> None:
    scripts, known = ScriptDirectory(str(location)), revisions_in(location)
    if [script.revision for script in scripts.walk_revisions()] != known[::-1]:
        raise ValueError(f"{location}: each revision bears the number that its file begins with and follows the last.")
    with engine.connect() as connection:
        found = current(connection)
        if found is not None and found not in known:
            raise WrongRevisionError(found, known[-1], is_ahead=True)
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


def _lock(engine: Engine, limit_seconds: float) -> AbstractContextManager[None]:
    if engine.dialect.name == "sqlite":
        return locks.file_lock(Path(engine.url.database or ""), limit_seconds)
    return locks.server_lock(engine, limit_seconds)
