"""The way of live records into Redis: on a miss, and after each change that was announced."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from servicekit.auth import live_sessions
from servicekit.auth.live_sessions import LiveRecord
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.log import get_logger
from servicekit.redis.cache import Cache
from servicekit.redis.client import GuardedRedis, RedisUnavailable
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.clock import Clock
from auth_service.live_records import outbox

UNKNOWN = LiveRecord(state="revoked", version=0)
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.5
FILL_LIMIT_SECONDS = 10.0
"""A truth that was read longer ago is not written: the revocation that overtook it may have expired from Redis."""

_log = get_logger()


class ReadRecord(Protocol):
    """Reads the truth about one kind of subject: sessions, API keys."""

    async def __call__(self, session: AsyncSession, subject_id: str, *, now: datetime) -> LiveRecord | None:
        """The record of a subject, None when it is not of this kind.

        The row and the person's `roles_version` come from one statement, the roles from a later one: so a record
        never bears a larger version than what it says, and of two records the larger version is true.
        """


class LiveRecords:
    """Writes live records to Redis: on a miss, and whenever a change was announced.

    No lease is needed: any process may publish any change, since what is written is read from the tables after the
    change was seen, and Redis keeps the newer version of two.

    Args:
        database: where the changes are, and the truth.
        redis: None when every gateway asks us each time, and there is nobody to tell.
        readers: one for each kind of subject.
        clock: the time.
    """

    def __init__(
        self, database: Database, redis: GuardedRedis | None, readers: Sequence[ReadRecord], *, clock: Clock
    ) -> None:
        self._database = database
        self._cache = Cache(redis, live_sessions.NAMESPACE) if redis is not None else None
        self._readers = readers
        self._clock = clock
        self._wake = asyncio.Event()

    async def check(self, subject_id: str) -> LiveRecord:
        """The truth about a session or API key, left in Redis for the next reader if that answers.

        Raises:
            Unavailable: the database does not answer.
        """
        started = time.monotonic()
        record = await self.read(subject_id)
        if record is UNKNOWN or _is_old_since(started):
            return record
        try:
            await self._write(subject_id, record)
        except RedisUnavailable:
            return record  # the kit has logged the transition; the next reader asks again
        return record

    def publish_soon(self) -> None:
        """Publish what was announced by a transaction that has just committed; does not wait for it."""
        self._wake.set()

    async def publish(self) -> int:
        """Write the records of one batch of announced changes to Redis; how many changes it confirmed.

        Raises:
            Unavailable: the database does not answer.
            RedisUnavailable: Redis does not; what is not confirmed stays announced.
        """
        changes = await self._database.read(outbox.pending)
        for subject_id in dict.fromkeys(change.subject_id for change in changes):
            started = time.monotonic()
            record = await self.read(subject_id)
            while _is_old_since(started):
                started = time.monotonic()
                record = await self.read(subject_id)
            if record is not UNKNOWN:  # of a subject deleted since then there is nothing left to say
                await self._write(subject_id, record)
        if changes:
            confirm = partial(outbox.confirm, change_ids=[change.id for change in changes])
            await self._database.write(confirm)
        return len(changes)

    async def keep_published(self) -> None:
        """Publish for ever: at once when something was announced here, each second for other processes."""
        was_working = True
        while True:
            self._wake.clear()
            try:
                confirmed = await self.publish()
            except (Unavailable, RedisUnavailable) as problem:
                if was_working:
                    _log.warning("live records cannot be published", problem=str(problem))
                was_working = False
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not was_working:
                _log.info("live records are published again")
            was_working = True
            if confirmed < outbox.BATCH:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return  # time to look for what another process left

    async def read(self, subject_id: str) -> LiveRecord:
        """The truth about a session or API key, straight from the tables; ids that nobody knows are revoked.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self._clock()

        async def unit(session: AsyncSession) -> LiveRecord:
            for read in self._readers:
                if (record := await read(session, subject_id, now=now)) is not None:
                    return record
            return UNKNOWN

        return await self._database.read(unit)

    async def _write(self, subject_id: str, record: LiveRecord) -> None:
        if self._cache is None:
            return
        entry = live_sessions.encode(record)
        await self._cache.set_if_newer(subject_id, entry, ttl_seconds=live_sessions.TTL_SECONDS)


def _is_old_since(started: float) -> bool:
    return time.monotonic() - started > FILL_LIMIT_SECONDS
