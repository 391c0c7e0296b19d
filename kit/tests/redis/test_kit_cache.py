import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from servicekit.redis.cache import Cache, Versioned
from servicekit.redis.client import GuardedRedis, RedisUnavailable


@pytest.fixture
async def admin(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def namespace() -> str:
    return f"test[{uuid4().hex}]"


@pytest.fixture
async def cache(redis_url: str, namespace: str) -> AsyncIterator[Cache]:
    redis = GuardedRedis(redis_url)
    yield Cache(redis, namespace)
    await redis.close()


@pytest.fixture
async def lonely_cache(unused_tcp_port: int) -> AsyncIterator[Cache]:
    """A cache whose Redis is away."""
    redis = GuardedRedis(f"redis://127.0.0.1:{unused_tcp_port}/0")
    yield Cache(redis, "test")
    await redis.close()


class Loader:
    def __init__(self, value: str = "loaded", version: int = 1) -> None:
        self.calls = 0
        self.entry = Versioned(value, version)

    async def __call__(self) -> Versioned:
        self.calls += 1
        return self.entry


async def test_a_value_is_loaded_once_and_then_kept(cache: Cache) -> None:
    load = Loader()

    values = [await cache.get_or_set("key", load, ttl_seconds=30) for _ in range(3)]

    assert values == ["loaded"] * 3
    assert load.calls == 1


@pytest.mark.parametrize("value", [None, False, 0, "客服", [1, {"a": None}], {"k": [1.5]}])
async def test_any_json_comes_back_as_it_was(cache: Cache, value: object) -> None:
    async def load() -> Versioned:
        return Versioned(value, 1)  # type: ignore[arg-type] # parametrised values are objects to mypy

    assert await cache.get_or_set("key", load, ttl_seconds=30) == value
    assert await cache.get_or_set("key", load, ttl_seconds=30) == value


async def test_the_ttl_is_at_most_what_was_asked(cache: Cache, admin: Redis, namespace: str) -> None:
    await cache.get_or_set("key", Loader(), ttl_seconds=100)

    assert 89_000 < await admin.pttl(f"{namespace}:key") <= 100_000


async def test_reading_does_not_extend_the_ttl(cache: Cache, admin: Redis, namespace: str) -> None:
    await cache.get_or_set("key", Loader(), ttl_seconds=100)
    await admin.pexpire(f"{namespace}:key", 5_000)

    await cache.get_or_set("key", Loader(), ttl_seconds=100)

    assert await admin.pttl(f"{namespace}:key") <= 5_000


async def test_callers_of_one_key_share_one_load(cache: Cache) -> None:
    gate = asyncio.Event()
    calls = 0

    async def load() -> Versioned:
        nonlocal calls
        calls += 1
        await gate.wait()
        return Versioned({"shared": []}, 1)

    waiting = [asyncio.ensure_future(cache.get_or_set("key", load, ttl_seconds=30)) for _ in range(10)]
    while calls == 0:  # noqa: ASYNC110 - the call is the condition
        await asyncio.sleep(0.005)
    gate.set()
    values = await asyncio.gather(*waiting)

    assert calls == 1
    assert values == [{"shared": []}] * 10
    assert values[0] is not values[1]


async def test_callers_share_the_exception_too_and_the_next_one_tries_again(cache: Cache) -> None:
    calls = 0

    async def load() -> Versioned:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        raise LookupError("gone")

    outcomes = await asyncio.gather(
        *(cache.get_or_set("key", load, ttl_seconds=30) for _ in range(5)), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [LookupError] * 5
    assert calls == 1
    assert await cache.get_or_set("key", Loader(), ttl_seconds=30) == "loaded"


async def test_when_the_leading_caller_is_cancelled_another_one_leads(cache: Cache) -> None:
    started: asyncio.Queue[None] = asyncio.Queue()
    gate = asyncio.Event()

    async def load() -> Versioned:
        started.put_nowait(None)
        await gate.wait()
        return Versioned("loaded", 1)

    leader = asyncio.ensure_future(cache.get_or_set("key", load, ttl_seconds=30))
    await started.get()
    followers = [asyncio.ensure_future(cache.get_or_set("key", load, ttl_seconds=30)) for _ in range(3)]
    await asyncio.sleep(0)
    leader.cancel()
    await started.get()
    gate.set()

    assert await asyncio.gather(*followers) == ["loaded"] * 3
    assert started.empty()


async def test_a_fill_never_replaces_a_newer_entry(cache: Cache) -> None:
    async def load_slowly() -> Versioned:
        await cache.set_if_newer("key", Versioned("revoked", 2), ttl_seconds=30)
        return Versioned("live", 1)

    assert await cache.get_or_set("key", load_slowly, ttl_seconds=30) == "revoked"
    assert await cache.get_or_set("key", Loader(), ttl_seconds=30) == "revoked"


async def test_only_a_newer_version_overwrites(cache: Cache) -> None:
    written = [
        await cache.set_if_newer("key", Versioned(f"v{version}", version), ttl_seconds=30) for version in (5, 4, 5, 10)
    ]

    assert written == [True, False, True, True]
    assert await cache.get_or_set("key", Loader(), ttl_seconds=30) == "v10"


@pytest.mark.parametrize("foreign", [b"", b"junk", b"x {}", b"7 {broken", b"-1 1"])
async def test_an_entry_not_of_our_making_is_a_miss(cache: Cache, admin: Redis, namespace: str, foreign: bytes) -> None:
    await admin.set(f"{namespace}:key", foreign, ex=30)

    assert await cache.get_or_set("key", Loader(version=9), ttl_seconds=30) == "loaded"


async def test_increment_counts_within_its_window(cache: Cache, admin: Redis, namespace: str) -> None:
    sums = [
        await cache.increment("hits", ttl_seconds=50),
        await cache.increment("hits", ttl_seconds=99, amount=4),
    ]

    assert sums == [1, 5]
    assert 0 < await admin.pttl(f"{namespace}:hits") <= 50_000


async def test_scan_finds_the_keys_of_its_namespace_alone(cache: Cache, admin: Redis, namespace: str) -> None:
    pipeline = admin.pipeline(transaction=False)
    for number in range(1200):
        pipeline.set(f"{namespace}:a*:{number}", b"1 1", ex=30)
    pipeline.set(f"{namespace}:ab:1", b"1 1", ex=30)
    pipeline.set(f"{namespace}x:a*:1", b"1 1", ex=30)
    await pipeline.execute()

    found = {key async for key in cache.scan("a*:")}

    assert found == {f"a*:{number}" for number in range(1200)}


async def test_delete_removes_and_counts(cache: Cache) -> None:
    await cache.get_or_set("one", Loader(), ttl_seconds=30)
    await cache.get_or_set("two", Loader(), ttl_seconds=30)

    assert await cache.delete("one", "two", "three") == 2
    assert await cache.delete() == 0
    assert [key async for key in cache.scan()] == []


async def test_without_redis_each_call_is_loaded(lonely_cache: Cache) -> None:
    load = Loader()

    values = [await lonely_cache.get_or_set("key", load, ttl_seconds=30) for _ in range(3)]

    assert values == ["loaded"] * 3
    assert load.calls == 3


async def test_without_redis_counting_and_revoking_say_so(lonely_cache: Cache) -> None:
    with pytest.raises(RedisUnavailable):
        await lonely_cache.increment("hits", ttl_seconds=1)
    with pytest.raises(RedisUnavailable):
        await lonely_cache.delete("key")
    with pytest.raises(RedisUnavailable):
        await lonely_cache.set_if_newer("key", Versioned(None, 1), ttl_seconds=1)


async def test_what_is_no_entry_at_all_is_overwritten(cache: Cache, admin: Redis, namespace: str) -> None:
    """The server is shared: a list under our key must not stop revocations for good."""
    await admin.rpush(f"{namespace}:key", "stranger")

    assert await cache.set_if_newer("key", Versioned("ours", 1), ttl_seconds=30)
