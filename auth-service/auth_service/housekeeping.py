"""Deletes what no longer counts: expired sessions, forgotten failures, old idempotency keys."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from servicekit import idempotency
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.log import get_logger
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import throttle
from auth_service.clock import Clock
from auth_service.sessions import endings

INTERVAL_SECONDS = 600.0

_log = get_logger()


async def sweep(database: Database, *, clock: Clock) -> int:
    """Delete all that is due, a batch a transaction; how many rows. Any number of processes may do it at once.

    Raises:
        Unavailable: the database does not answer.
    """
    deleted = 0
    batches: tuple[Callable[[AsyncSession], Awaitable[int]], ...] = (
        partial(endings.purge, now=clock()),
        partial(throttle.purge, now=clock()),
        idempotency.purge,
    )
    for batch in batches:
        while count := await database.write(batch):
            deleted += count
    return deleted


async def keep_swept(database: Database, *, clock: Clock) -> None:
    """Sweep every ten minutes, for ever."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            deleted = await sweep(database, clock=clock)
        except Unavailable as problem:
            _log.warning("housekeeping was put off", problem=problem.message)
        else:
            _log.info("housekeeping was done", deleted_rows=deleted)
