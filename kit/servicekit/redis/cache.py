"""A JSON cache in the shared Redis, one namespace per use; skipped, not failing, while Redis is away.

JSON only: unpickling what others can write to a shared Redis would run their code.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis

from servicekit.json_types import JsonValue
from servicekit.redis.client import GuardedRedis, RedisUnavailable

_JITTER = 0.1
_SCAN_COUNT = 500

# An entry is "<version> <json>". What is there stays when it is as new; anything unreadable counts as older.
# Answers the entry that stands afterwards.
_FILL = """
local present = redis.pcall('GET', KEYS[1])
if type(present) == 'string' then
  local version = tonumber(string.match(present, '^(%d+) '))
  if version and version >= tonumber(ARGV[1]) then return present end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return ARGV[2]
"""

# The first increment starts the clock, later ones don't push it back.
_INCREMENT = """
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value
"""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A value and the version (0 to 2^53) of the row it was read from; a higher one is newer."""

    value: JsonValue
    version: int


class Cache:
    """Entries under `namespace:`; each expires."""

    def __init__(self, redis: GuardedRedis, namespace: str) -> None:
        self._redis = redis
        self._prefix = f"{namespace}:"
        self._flights: dict[str, asyncio.Future[bytes | None]] = {}

    async def get_or_set(self, key: str, load: Callable[[], Awaitable[Versioned]], *, ttl_seconds: float) -> JsonValue:
        """The entry, or what `load` gives, which is then kept for at most `ttl_seconds` (up to 10 % less).

        Callers in this process that ask for the same key meanwhile share one `load` and its exception. A fill
        never replaces a newer entry; then the newer one is returned. While Redis is away: what `load` gives.
        """
        while True:
            flight = self._flights.get(key)
            if flight is None:
                return orjson.loads(await self._lead(key, load, ttl_seconds))  # type: ignore[no-any-return]
            landed = await asyncio.shield(flight)
            if landed is not None:
                return orjson.loads(landed)  # type: ignore[no-any-return]

    async def set_if_newer(self, key: str, entry: Versioned, *, ttl_seconds: float) -> bool:
        """Overwrite the entry unless it is as new; this is how a revocation beats a fill that is under way.

        Returns False when what is there is as new or newer.

        Raises:
            RedisUnavailable: not known to be written.
        """
        packed = _pack(entry)
        return await self._fill(key, entry.version, packed, ttl_seconds) == packed

    async def increment(self, key: str, *, ttl_seconds: float, amount: int = 1) -> int:
        """Add `amount` and return the sum; `ttl_seconds` after the first increment it starts from 0 again.

        Raises:
            RedisUnavailable: not known to be counted; count locally.
        """
        arguments = (str(amount), str(_milliseconds(ttl_seconds)))
        return int(await self._script(_INCREMENT, key, *arguments))

    async def scan(self, prefix: str = "") -> AsyncIterator[str]:
        """Keys (without the namespace) that begin with `prefix`, in no order, perhaps twice.

        By SCAN: KEYS would stop the shared server.

        Raises:
            RedisUnavailable: in the middle of it, perhaps.
        """
        pattern = _literal(self._prefix + prefix) + "*"
        cursor = 0
        while True:

            def step(redis: Redis, at: int = cursor) -> Awaitable[tuple[int, list[bytes | str]]]:
                return redis.scan(at, match=pattern, count=_SCAN_COUNT)

            cursor, keys = await self._redis.run(step)
            for key in keys:
                yield (key.decode() if isinstance(key, bytes) else key).removeprefix(self._prefix)
            if cursor == 0:
                return

    async def delete(self, *keys: str) -> int:
        """Remove entries; returns how many were there.

        A fill that is under way may write its entry afterwards: to revoke something use `set_if_newer`.

        Raises:
            RedisUnavailable: not known to be removed.
        """
        if not keys:
            return 0
        names = [self._prefix + key for key in keys]
        return await self._redis.run(lambda redis: redis.unlink(*names))

    async def _lead(self, key: str, load: Callable[[], Awaitable[Versioned]], ttl_seconds: float) -> bytes:
        flight: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            payload = await self._read_through(key, load, ttl_seconds)
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # mark it as seen: perhaps nobody follows
            raise
        else:
            flight.set_result(payload)
            return payload
        finally:
            del self._flights[key]
            if not flight.done():  # this caller was cancelled: one of the others leads next
                flight.set_result(None)

    async def _read_through(self, key: str, load: Callable[[], Awaitable[Versioned]], ttl_seconds: float) -> bytes:
        name = self._prefix + key
        try:
            present = _payload(await self._redis.run(lambda redis: redis.get(name)))
        except RedisUnavailable:
            return orjson.dumps((await load()).value)
        if present is not None:
            return present
        entry = await load()
        try:
            standing = await self._fill(key, entry.version, _pack(entry), ttl_seconds)
        except RedisUnavailable:
            return orjson.dumps(entry.value)
        return _payload(standing) or orjson.dumps(entry.value)

    async def _fill(self, key: str, version: int, packed: bytes, ttl_seconds: float) -> bytes:
        jittered = ttl_seconds * (1 - _JITTER * random.random())  # noqa: S311 - spreads expiry, guards nothing
        answer = await self._script(_FILL, key, str(version), packed, str(_milliseconds(jittered)))
        if not isinstance(answer, bytes):
            raise TypeError(f"a script that returns an entry returned {type(answer).__name__}")
        return answer

    async def _script(self, script: str, key: str, *arguments: str | bytes) -> bytes | int:
        # EVAL, not EVALSHA: the texts are short, Redis keeps them compiled, and a flush can't lose them.
        name = self._prefix + key
        return await self._redis.run(lambda redis: redis.eval(script, 1, name, *arguments))


def _pack(entry: Versioned) -> bytes:
    return b"%d %b" % (entry.version, orjson.dumps(entry.value))


def _payload(entry: bytes | str | None) -> bytes | None:
    """The JSON of an entry; None when there is none, or it is not of our making."""
    if not isinstance(entry, bytes):
        return None
    version, space, payload = entry.partition(b" ")
    if not space or not version.isdigit():
        return None
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return payload


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _literal(text: str) -> str:
    """`text` with what SCAN's glob patterns would interpret escaped."""
    return "".join("\\" + character if character in "*?[]\\^" else character for character in text)
