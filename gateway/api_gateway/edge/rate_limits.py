"""Rate limits: token buckets in Redis shared by all gateways, of which each process leases a slice at a time."""

import asyncio
import math
import time
from dataclasses import dataclass, field
from typing import Final, Literal

from redis.asyncio import Redis
from servicekit.errors import ResourceExhausted
from servicekit.redis.client import GuardedRedis, RedisUnavailable

MAX_SUBJECTS: Final = 50_000

LimitName = Literal["default", "sign_in", "refresh", "bad_key"]

# A bucket of `burst` tokens that fills at `rate`; gives up to `want` and says how many, and the wait for the next one.
LEASE = """
local at = redis.call('TIME')
local now = at[1] + at[2] / 1e6
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if held[1] then tokens = math.min(burst, tonumber(held[1]) + math.max(0, now - tonumber(held[2])) * rate) end
local granted = math.min(want, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
local wait = 0
if tokens < 1 then wait = (1 - tokens) / rate end
return {granted, tostring(wait)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many per second, and so many at once."""

    name: str
    per_second: float
    burst: int

    @property
    def slice_tokens(self) -> int:
        """What one lease asks for: a second's worth."""
        return max(1, min(self.burst, math.ceil(self.per_second)))


@dataclass(slots=True)
class _Held:
    """What this process holds for one subject: leased tokens, and a bucket of its own for when Redis is away."""

    leased: int = 0
    empty_until: float = 0.0
    local_tokens: float = math.inf
    local_at: float = field(default_factory=time.monotonic)
    leasing: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """Counts requests by subject; local when Redis is away, so limits still limit."""

    def __init__(self, redis: GuardedRedis) -> None:
        self._redis = redis
        self._held: dict[str, _Held] = {}

    async def spend(self, limit: Limit, subject: str) -> None:
        """Count one request of `subject`.

        Raises:
            ResourceExhausted: too many, with the wait in seconds.
        """
        held = self._subject(f"{limit.name}:{subject}")
        if held.leased >= 1:
            held.leased -= 1
            return
        # One lease at a time: what requests that come together would each ask for, the first may get for all.
        async with held.leasing:
            await self._spend(held, limit, subject)

    async def _spend(self, held: _Held, limit: Limit, subject: str) -> None:
        if held.leased < 1:
            now = time.monotonic()
            if now < held.empty_until:
                raise _refusal(held.empty_until - now)
            try:
                granted, wait_seconds = await self._lease(limit, subject)
            except RedisUnavailable:
                _spend_locally(held, limit)
                return
            held.leased += granted
            if held.leased < 1:
                held.empty_until = now + wait_seconds
                raise _refusal(wait_seconds)
        held.leased -= 1

    async def _lease(self, limit: Limit, subject: str) -> tuple[int, float]:
        arguments = [limit.per_second, limit.burst, limit.slice_tokens]

        async def lease(redis: Redis) -> tuple[int, float]:
            granted, wait = await redis.eval(LEASE, 1, f"rate:{limit.name}:{subject}", *arguments)
            return int(granted), float(wait)

        return await self._redis.run(lease)

    def _subject(self, name: str) -> _Held:
        held = self._held.get(name)
        if held is None:
            while len(self._held) >= MAX_SUBJECTS:
                self._held.pop(next(iter(self._held)))
            held = self._held[name] = _Held()
        return held


def _spend_locally(held: _Held, limit: Limit) -> None:
    now = time.monotonic()
    tokens = min(float(limit.burst), held.local_tokens + (now - held.local_at) * limit.per_second)
    held.local_at = now
    if tokens < 1:
        held.local_tokens = tokens
        raise _refusal((1 - tokens) / limit.per_second)
    held.local_tokens = tokens - 1


def _refusal(wait_seconds: float) -> ResourceExhausted:
    return ResourceExhausted(
        f"Too many requests; wait {max(1, math.ceil(wait_seconds))} s and try again.",
        retry_after_seconds=max(wait_seconds, 0.05),
    )
