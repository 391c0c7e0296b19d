"""Deletes what no longer counts: old idempotency keys."""

import asyncio

from servicekit import idempotency
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.log import get_logger

INTERVAL_SECONDS = 600.0

_log = get_logger()


async def sweep(database: Database) -> int:
    """Delete all that is due, a batch a transaction; how many rows. Any number of processes may do it at once.

    Raises:
        Unavailable: the database does not answer.
    """
    deleted = 0
    while count := await database.write(idempotency.purge):
        deleted += count
    return deleted


async def keep_swept(database: Database) -> None:
    """Sweep every ten minutes, for ever."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            deleted = await sweep(database)
        except Unavailable as problem:
            _log.warning("housekeeping was put off", problem=problem.message)
        else:
            _log.info("housekeeping was done", deleted_rows=deleted)
