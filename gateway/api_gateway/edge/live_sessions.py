"""Whether a session or API key may still be used: this process's memory, else Redis, else auth-service."""

import asyncio
import time
from typing import Final

from servicekit.auth.live_sessions import LiveRecord, decode, key
from servicekit.errors import SphereError, Unavailable
from servicekit.log import get_logger
from servicekit.redis.client import GuardedRedis, RedisUnavailable

from api_gateway.backends import Backends

MAX_AGE_SECONDS: Final = 1.0
MAX_RECORDS: Final = 20_000
CHECK_SECONDS: Final = 3.0

_log = get_logger()


class LiveSessions:
    """Records no older than a second, read once however many requests ask for the same one."""

    def __init__(self, redis: GuardedRedis, backends: Backends) -> None:
        self._redis = redis
        self._backends = backends
        self._records: dict[str, tuple[float, LiveRecord]] = {}
        self._reads: dict[str, asyncio.Task[LiveRecord]] = {}

    async def record(self, subject_id: str) -> LiveRecord:
        """The record of claim `sid`.

        Raises:
            Unavailable: neither Redis nor auth-service can say; this is no reason to refuse the token.
        """
        known = self._records.get(subject_id)
        if known is not None and time.monotonic() - known[0] < MAX_AGE_SECONDS:
            return known[1]
        read = self._reads.get(subject_id)
        if read is None:
            read = asyncio.get_running_loop().create_task(self._read(subject_id), name="live-session-read")
            self._reads[subject_id] = read
            read.add_done_callback(lambda done: self._finished(subject_id, done))
        # Shielded: one client that leaves must not fail the others that wait for the same record.
        return await asyncio.shield(read)

    def _finished(self, subject_id: str, read: asyncio.Task[LiveRecord]) -> None:
        self._reads.pop(subject_id, None)
        if not read.cancelled():
            read.exception()  # seen here when everyone who asked has left

    async def _read(self, subject_id: str) -> LiveRecord:
        started = time.monotonic()
        record = await self._from_redis(subject_id) or await self._from_auth(subject_id)
        known = self._records.pop(subject_id, None)
        if known is not None and known[1].version > record.version:
            record = known[1]  # a slower answer never undoes a newer one
        while len(self._records) >= MAX_RECORDS:
            self._records.pop(next(iter(self._records)))
        self._records[subject_id] = (started, record)
        return record

    async def _from_redis(self, subject_id: str) -> LiveRecord | None:
        try:
            entry = await self._redis.run(lambda redis: redis.get(key(subject_id)))
        except RedisUnavailable:
            return None
        return decode(entry if isinstance(entry, bytes) else None)

    async def _from_auth(self, subject_id: str) -> LiveRecord:
        try:
            return await self._backends.check_session(subject_id, timeout_seconds=CHECK_SECONDS)
        except SphereError as failure:
            # Whatever is wrong between us and auth-service is not the caller's fault, least of all a 401.
            _log.warning("session could not be checked", reason=failure.reason)
            raise Unavailable("Your session cannot be checked now; try again.", retry_after_seconds=1) from None
