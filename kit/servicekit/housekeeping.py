"""Deletes rows that no longer count, in small transactions, for as long as a service runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.log import get_logger

INTERVAL_SECONDS = 600.0

Purge: TypeAlias = Callable[[AsyncSession], Awaitable[int]]
"""Deletes one bounded batch of rows that are due, and says how many; 0 ends its turn."""

_log = get_logger()


async def purge_expired(database: Database, purges: Sequence[Purge]) -> int:
    """Delete all that is due, a batch a transaction; how many rows. Any number of processes may do it at once.

    Raises:
        Unavailable: the database does not answer.
    """
    deleted = 0
    for purge in purges:
        while count := await database.write(purge):
            deleted += count
    return deleted


async def keep_purged(
    database: Database,
    purges: Sequence[Purge],
    *,
    interval_seconds: float = INTERVAL_SECONDS,
) -> None:
    """Purge at every interval, for ever; a database that is away is tried again the next time."""
    while True:
        await asyncio.sleep(interval_seconds)
        try:
            deleted = await purge_expired(database, purges)
        except Unavailable as problem:
            _log.warning("housekeeping was put off", problem=problem.message)
        else:
            _log.info("housekeeping was done", deleted_rows=deleted)
