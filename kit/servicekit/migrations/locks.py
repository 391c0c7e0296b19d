"""Locks that let one migration run at a time, and that end with the process that holds them."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

POLL_SECONDS = 0.05


class MigrationLockedError(RuntimeError):
    """Another migration of the same schema is at work for too long."""

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(
            f"Another migration has held the lock for {limit_seconds:.0f} s; see what it does, then retry."
        )


@contextmanager
def server_lock(engine: Engine, limit_seconds: float) -> Iterator[None]:
    """Hold the MySQL server's lock of this schema's name, on a connection of its own.

    Raises:
        MigrationLockedError: it was not to be had in time.
    """
    # Lock names end at 64 characters, as schema names do: the hash keeps prefix and schema within that.
    name = text("CONCAT('promptsphere-migrate-', LEFT(SHA2(DATABASE(), 256), 40))")
    with engine.connect() as connection:
        taken = connection.scalar(text(f"SELECT GET_LOCK({name}, :limit)"), {"limit": int(limit_seconds)})
        connection.commit()
        if taken != 1:
            raise MigrationLockedError(limit_seconds)
        try:
            yield
        finally:
            connection.execute(text(f"SELECT RELEASE_LOCK({name})"))
            connection.commit()


@contextmanager
def file_lock(database: Path, limit_seconds: float) -> Iterator[None]:
    """Hold a lock on a file beside the SQLite database; the kernel frees it when the process dies.

    Raises:
        MigrationLockedError: it was not to be had in time.
    """
    deadline = time.monotonic() + limit_seconds
    with database.with_name(f"{database.name}.migrate.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise MigrationLockedError(limit_seconds) from None
                time.sleep(POLL_SECONDS)
        yield
