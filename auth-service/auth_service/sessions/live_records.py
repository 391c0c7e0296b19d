"""The truth about sessions and API keys as live records, and its way into Redis."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from servicekit.auth import live_sessions
from servicekit.auth.live_sessions import LiveRecord
from servicekit.db import Database
from servicekit.errors import Unavailable
from servicekit.log import get_logger
from servicekit.redis.cache import Cache
from servicekit.redis.client import GuardedRedis, RedisUnavailable
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.models import User
from auth_service.api_keys.models import ApiKey
from auth_service.clock import Clock
from auth_service.sessions import outbox
from auth_service.sessions.models import SessionFamily
from auth_service.workspaces import rules as workspaces

UNKNOWN = LiveRecord(state="revoked", version=0)
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.5
FILL_LIMIT_SECONDS = 10.0
"""A truth that was read longer ago is not written: the revocation that overtook it may have expired from Redis."""

_log = get_logger()


async def read(session: AsyncSession, subject_id: str, *, idle: timedelta, now: datetime) -> LiveRecord:
    """The record of a session family or API key; unknown ids are revoked.

    The row and the person's `roles_version` come from one statement, the roles from a later one: so a record never
    bears a larger version than what it says, and of two records the larger version is true.
    """
    family = await session.execute(
        select(SessionFamily, User.roles_version)
        .join(User, User.id == SessionFamily.user_id)
        .where(SessionFamily.id == subject_id),
    )
    if (found := family.one_or_none()) is not None:
        return await _of_family(session, found[0], roles_version=found[1], idle=idle, now=now)
    key = await session.execute(
        select(ApiKey, User.roles_version)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.id == subject_id)
        .execution_options(all_workspaces="claim `sid` names the key alone"),
    )
    if (keyed := key.one_or_none()) is not None:
        return await _of_key(session, keyed[0], roles_version=keyed[1], now=now)
    return UNKNOWN


async def _of_family(
    session: AsyncSession, family: SessionFamily, *, roles_version: int, idle: timedelta, now: datetime
) -> LiveRecord:
    version = family.version + roles_version
    if not family.is_live(idle=idle, now=now):
        return LiveRecord(state="revoked", version=version)
    roles = await workspaces.roles_of(session, user_id=family.user_id)
    return LiveRecord("live", version, {workspace: role.label for workspace, role in roles.items()})


async def _of_key(session: AsyncSession, key: ApiKey, *, roles_version: int, now: datetime) -> LiveRecord:
    version = key.version + roles_version
    membership = await workspaces.find(session, workspace_id=key.workspace_id, user_id=key.user_id)
    if not key.is_live(now=now) or membership is None:
        return LiveRecord(state="revoked", version=version)
    return LiveRecord("live", version, {key.workspace_id: membership.role.label})


class LiveRecords:
    """Writes live records to Redis: on a miss, and whenever a change was announced.

    No lease is needed: any process may publish any change, since what is written is read from the tables after the
    change was seen, and Redis keeps the newer version of two.
    """

    def __init__(self, database: Database, redis: GuardedRedis | None, *, idle: timedelta, clock: Clock) -> None:
        self._database = database
        # Without a Redis every gateway asks us each time, and there is nobody to tell.
        self._cache = Cache(redis, live_sessions.NAMESPACE) if redis is not None else None
        self._idle = idle
        self._clock = clock
        self._wake = asyncio.Event()

    async def check(self, subject_id: str) -> LiveRecord:
        """The truth about a session or API key, left in Redis for the next reader if that answers.

        Raises:
            Unavailable: the database does not answer.
        """
        started = time.monotonic()
        record = await self._read(subject_id)
        if record is UNKNOWN or _is_old_since(started):
            return record
        try:
            await self._write(subject_id, record)
        except RedisUnavailable:
            return record  # the kit has logged the transition; the next reader asks again
        return record

    def announced(self) -> None:
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
            record = await self._read(subject_id)
            while _is_old_since(started):
                started = time.monotonic()
                record = await self._read(subject_id)
            if record is not UNKNOWN:  # of a subject deleted since then there is nothing left to say
                await self._write(subject_id, record)
        if changes:
            await self._confirm([change.id for change in changes])
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

    async def _read(self, subject_id: str) -> LiveRecord:
        return await self._database.read(
            partial(_read_one, subject_id=subject_id, idle=self._idle, now=self._clock()),
        )

    async def _write(self, subject_id: str, record: LiveRecord) -> None:
        if self._cache is None:
            return
        entry = live_sessions.encode(record)
        await self._cache.set_if_newer(subject_id, entry, ttl_seconds=live_sessions.TTL_SECONDS)

    async def _confirm(self, change_ids: Sequence[str]) -> None:
        await self._database.write(partial(outbox.confirm, change_ids=change_ids))


def _is_old_since(started: float) -> bool:
    return time.monotonic() - started > FILL_LIMIT_SECONDS


async def _read_one(session: AsyncSession, *, subject_id: str, idle: timedelta, now: datetime) -> LiveRecord:
    return await read(session, subject_id, idle=idle, now=now)
