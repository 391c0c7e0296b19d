"""Against a real Redis which the tests stop, fill up, lock and make read-only."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from uuid import uuid4

import pytest
import structlog.testing
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from servicekit.redis.client import GuardedRedis, Message, Reconnected, RedisUnavailable

pytestmark = pytest.mark.slow


@pytest.fixture
async def admin(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[GuardedRedis]:
    guarded = GuardedRedis(redis_url, pool_size=4)
    yield guarded
    await guarded.close()


@pytest.fixture
def key() -> str:
    return f"test:{uuid4().hex}"


@asynccontextmanager
async def stopped(admin: Redis) -> AsyncIterator[None]:
    """The server accepts connections and answers nothing: a black hole."""
    pid = (await admin.info("server"))["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def command(admin: Redis, *words: str) -> None:
    await admin.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it untyped


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await condition():  # noqa: ASYNC110 - the condition is another process
            await asyncio.sleep(0.05)


async def is_back(redis: GuardedRedis, key: str) -> bool:
    try:
        await redis.run(lambda client: client.get(key))
    except RedisUnavailable:
        return False
    return True


async def fail_until_open(redis: GuardedRedis, key: str) -> int:
    failures = 0
    while redis.is_available:
        with pytest.raises(RedisUnavailable):
            await redis.run(lambda client: client.set(key, b"1", ex=10))
        failures += 1
    return failures


async def test_an_operation_gets_its_answer(redis: GuardedRedis, key: str) -> None:
    await redis.run(lambda client: client.set(key, b"value", ex=10))

    assert await redis.run(lambda client: client.get(key)) == b"value"


async def test_a_black_hole_costs_a_handful_of_timeouts_and_then_nothing(
    redis: GuardedRedis, admin: Redis, key: str
) -> None:
    async with stopped(admin):
        began = time.monotonic()
        failures = await fail_until_open(redis, key)
        until_open_seconds = time.monotonic() - began
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(RedisUnavailable):
                await redis.run(lambda client: client.get(key))
        when_open_seconds = time.monotonic() - began

    assert failures == 5
    assert until_open_seconds < 5 * 0.1 + 0.5
    assert when_open_seconds < 0.1
    await until(lambda: is_back(redis, key))
    assert redis.is_available


async def test_each_transition_is_logged_once(redis: GuardedRedis, admin: Redis, key: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with stopped(admin):
            await fail_until_open(redis, key)
            await asyncio.gather(*(is_back(redis, key) for _ in range(20)))
        await until(lambda: is_back(redis, key))
        await asyncio.gather(*(is_back(redis, key) for _ in range(20)))

    assert [line["event"] for line in logs] == ["redis_lost", "redis_restored"]


async def test_only_one_caller_probes_at_a_time(redis: GuardedRedis, admin: Redis, key: str) -> None:
    async with stopped(admin):
        await fail_until_open(redis, key)
        await asyncio.sleep(1.0)  # the breaker's wait, by its clock

        async def one() -> float:
            began = time.monotonic()
            assert not await is_back(redis, key)
            return time.monotonic() - began

        spent = await asyncio.gather(*(one() for _ in range(20)))

    assert sum(seconds > 0.09 for seconds in spent) == 1


async def test_a_cancelled_command_leaves_no_answer_for_the_next_one(redis_url: str, admin: Redis, key: str) -> None:
    redis = GuardedRedis(redis_url, pool_size=1, timeout_seconds=5)
    await redis.run(lambda client: client.set(key, b"mine", ex=10))

    for _ in range(20):
        async with stopped(admin):
            task = asyncio.ensure_future(redis.run(lambda client: client.echo("another's")))
            await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await redis.run(lambda client: client.get(key)) == b"mine"
    await redis.close()


async def test_callers_beyond_the_pool_wait_for_a_connection(redis_url: str, key: str) -> None:
    redis = GuardedRedis(redis_url, pool_size=2, timeout_seconds=5)

    answers = await asyncio.gather(*(redis.run(lambda client: client.incr(key)) for _ in range(50)))

    assert sorted(answers) == list(range(1, 51))
    assert (await redis.run(lambda client: client.expire(key, 1))) is True
    await redis.close()


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
    ],
    ids=["read-only", "out-of-memory"],
)
async def test_a_refused_write_opens_at_once_and_reads_do_not_close_it(
    redis: GuardedRedis, admin: Redis, key: str, break_it: list[str], mend_it: list[str]
) -> None:
    await redis.run(lambda client: client.set(key, b"1", ex=60))
    with structlog.testing.capture_logs() as logs:
        await command(admin, *break_it)
        try:
            failures = await fail_until_open(redis, key)
            await asyncio.sleep(1.1)  # past the breaker's first wait
            assert not await is_back(redis, key)
        finally:
            await command(admin, *mend_it)
        await until(lambda: is_back(redis, key))

    assert failures == 1
    assert [line["event"] for line in logs] == ["redis_lost", "redis_restored"]


async def test_a_wrong_password_counts_as_unavailable(redis_url: str, admin: Redis, key: str) -> None:
    await admin.config_set("requirepass", "right")
    try:
        for url in (redis_url, redis_url.replace("redis://", "redis://:wrong@")):
            redis = GuardedRedis(url)
            assert await fail_until_open(redis, key) == 1
            await redis.close()
    finally:
        await admin.config_set("requirepass", "")


async def test_nobody_listening_counts_as_unavailable(unused_tcp_port: int, key: str) -> None:
    redis = GuardedRedis(f"redis://127.0.0.1:{unused_tcp_port}/0")

    assert await fail_until_open(redis, key) == 5
    await redis.close()


async def test_no_redis_at_all_is_away_from_the_start(key: str) -> None:
    redis = GuardedRedis("")

    assert not redis.is_available
    assert not await is_back(redis, key)
    await redis.close()


async def test_a_wrong_command_is_a_defect_and_no_outage(redis: GuardedRedis, key: str) -> None:
    await redis.run(lambda client: client.set(key, b"text", ex=10))

    for _ in range(10):
        with pytest.raises(ResponseError):
            await redis.run(lambda client: client.incr(key))

    assert redis.is_available


async def test_connections_that_the_server_closed_are_replaced(redis: GuardedRedis, admin: Redis, key: str) -> None:
    await redis.run(lambda client: client.get(key))
    await command(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    assert await redis.run(lambda client: client.set(key, b"1", ex=10))


async def test_a_blocking_read_may_wait_longer_than_a_command(redis: GuardedRedis, admin: Redis, key: str) -> None:
    waiting = asyncio.ensure_future(redis.run_blocking(lambda client: client.blpop([key], timeout=5), wait_seconds=5))
    await asyncio.sleep(0.3)

    await admin.rpush(key, b"late")

    assert await waiting == [key.encode(), b"late"] or await waiting == (key.encode(), b"late")


async def test_a_subscriber_hears_messages_after_its_first_mark(redis: GuardedRedis, admin: Redis, key: str) -> None:
    async with aclosing(redis.subscriber(key, key + ":2")) as events:
        assert await anext(events) == Reconnected()
        await admin.publish(key + ":2", b"payload")

        assert await anext(events) == Message(channel=key + ":2", data=b"payload")


async def test_a_subscriber_comes_back_and_says_so(redis: GuardedRedis, admin: Redis, key: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with aclosing(redis.subscriber(key)) as events, asyncio.timeout(10):
            assert await anext(events) == Reconnected()
            await command(admin, "CLIENT", "KILL", "TYPE", "pubsub")

            assert await anext(events) == Reconnected()
            await admin.publish(key, b"again")
            assert await anext(events) == Message(channel=key, data=b"again")

    assert [line["event"] for line in logs] == ["redis_subscription_lost", "redis_subscription_restored"]


async def test_a_subscriber_notices_a_silent_server(redis: GuardedRedis, admin: Redis, key: str) -> None:
    async with aclosing(redis.subscriber(key)) as events, asyncio.timeout(20):
        assert await anext(events) == Reconnected()
        following = asyncio.ensure_future(anext(events))
        with structlog.testing.capture_logs() as logs:
            async with stopped(admin):
                while not logs:  # noqa: ASYNC110 - the log line is the condition
                    await asyncio.sleep(0.05)

        assert logs[0]["event"] == "redis_subscription_lost"
        assert await following == Reconnected()


async def test_an_idle_subscription_stays(redis: GuardedRedis, admin: Redis, key: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with aclosing(redis.subscriber(key)) as events:
            assert await anext(events) == Reconnected()
            following = asyncio.ensure_future(anext(events))
            await asyncio.sleep(2.5)  # two rounds of asking for a sign of life
            await admin.publish(key, b"still here")

            assert await following == Message(channel=key, data=b"still here")
    assert logs == []
