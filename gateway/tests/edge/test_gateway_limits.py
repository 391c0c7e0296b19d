"""Rate limits, and the bound on work in hand."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from api_gateway.edge.rate_limits import Limit, RateLimits
from api_gateway.middleware.overload import Overload
from promptsphere.prompt.v1 import prompts_pb2
from servicekit.errors import ResourceExhausted
from servicekit.redis.client import GuardedRedis

SLOW = Limit("test", 2.0, 20)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[GuardedRedis]:
    redis = GuardedRedis(redis_url, timeout_seconds=1)
    yield redis
    await redis.close()


async def granted(limits: RateLimits, limit: Limit, subject: str, tries: int) -> int:
    passed, waits = 0, list[tuple[str, float | None]]()
    for _ in range(tries):
        try:
            await limits.spend(limit, subject)
            passed += 1
        except ResourceExhausted as refused:
            waits.append((refused.reason, refused.retry_after_seconds))
    assert all(reason == "rate_limited" and seconds and 0 < seconds <= 1 for reason, seconds in waits)
    return passed


async def test_a_burst_passes_and_then_no_more(redis: GuardedRedis) -> None:
    assert 20 <= await granted(RateLimits(redis), SLOW, "u1", 60) <= 22


async def test_gateways_share_one_bucket(redis: GuardedRedis) -> None:
    first, second = RateLimits(redis), RateLimits(redis)

    passed = sum([await granted(limits, SLOW, "u1", 1) for _ in range(40) for limits in (first, second)])

    assert 20 <= passed <= 23


async def test_requests_at_once_are_not_refused_for_the_size_of_a_lease(redis: GuardedRedis) -> None:
    limits = RateLimits(redis)

    said = await asyncio.gather(*(limits.spend(Limit("t", 50, 200), "u1") for _ in range(180)), return_exceptions=True)

    assert [one for one in said if one is not None] == []


async def test_requests_at_once_take_one_lease_among_them(redis: GuardedRedis) -> None:
    limits, limit = RateLimits(redis), Limit("wide", 10.0, 50)

    await asyncio.gather(*(limits.spend(limit, "u1") for _ in range(10)))

    left: Any = await redis.run(lambda client: client.hget("rate:wide:u1", "tokens"))
    assert 39 < float(left) <= 41


async def test_subjects_and_limits_are_counted_apart(redis: GuardedRedis) -> None:
    limits = RateLimits(redis)
    await granted(limits, SLOW, "u1", 30)

    assert await granted(limits, SLOW, "u2", 5) == 5
    assert await granted(limits, Limit("other", 2.0, 20), "u1", 5) == 5


async def test_tokens_come_back_with_time(redis: GuardedRedis) -> None:
    limits, fast = RateLimits(redis), Limit("fast", 200.0, 1)
    await granted(limits, fast, "u1", 3)

    async with asyncio.timeout(2):
        while not await granted(limits, fast, "u1", 1):  # noqa: ASYNC110 - time does it
            await asyncio.sleep(0.002)


async def test_the_bucket_of_a_subject_goes_away_by_itself(redis: GuardedRedis) -> None:
    await granted(RateLimits(redis), SLOW, "u1", 1)

    assert 0 < await redis.run(lambda client: client.pttl("rate:test:u1")) <= 11_000


async def test_without_redis_limits_still_limit() -> None:
    redis = GuardedRedis("")

    assert await granted(RateLimits(redis), SLOW, "u1", 60) == 20


async def test_with_redis_gone_limits_still_limit(unused_tcp_port: int) -> None:
    redis = GuardedRedis(f"redis://127.0.0.1:{unused_tcp_port}", timeout_seconds=0.1)

    assert 20 <= await granted(RateLimits(redis), SLOW, "u1", 60) <= 21
    await redis.close()


async def test_one_user_who_asks_too_much_gets_429_and_others_none(start: Any) -> None:
    async with start(rate_per_second=0.5, rate_burst=3) as gateway:
        answers = [await gateway.ask("GET", "/api/v1/prompts", headers=gateway.user()) for _ in range(5)]
        other = await gateway.ask("GET", "/api/v1/prompts", headers=gateway.user(user_id="u2", session_id="s2"))

    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    assert (answers[-1][2]["code"], int(answers[-1][1]["Retry-After"])) == ("rate_limited", 2)
    assert other[0] == 200


async def test_sign_in_is_limited_by_address_and_delivery_not_at_all(start: Any) -> None:
    async with start(sign_in_rate_per_second=0.5, sign_in_burst=2, rate_burst=1, rate_per_second=0.1) as gateway:
        body = {"email": "a", "password": "b"}
        logins = [(await gateway.ask("POST", "/api/v1/auth/login", json=body))[0] for _ in range(3)]
        deliveries = [(await gateway.ask("GET", "/api/v1/delivery/a", headers=gateway.user()))[0] for _ in range(5)]

    assert logins == [200, 200, 429]
    assert deliveries == [200] * 5


async def test_too_much_at_once_is_503_and_health_answers(start: Any) -> None:
    release = asyncio.Event()

    async def hold(_request: object) -> prompts_pb2.ListPromptsResponse:
        await release.wait()
        return prompts_pb2.ListPromptsResponse()

    async with start(max_in_flight=2, max_waiting=1) as gateway:
        gateway.services.does["ListPrompts"] = hold
        asked = [asyncio.create_task(gateway.ask("GET", "/api/v1/prompts", headers=gateway.user())) for _ in range(2)]
        async with asyncio.timeout(5):
            while len(gateway.services.arrived["ListPrompts"]) < 2:  # noqa: ASYNC110 - another process's doing, in life
                await asyncio.sleep(0.005)
        more = [asyncio.create_task(gateway.ask("GET", "/api/v1/prompts", headers=gateway.user())) for _ in range(3)]
        done, _ = await asyncio.wait(more, return_when=asyncio.FIRST_COMPLETED)
        health = [(await gateway.ask("GET", path))[0] for path in ("/livez", "/readyz", "/statusz")]
        # Saying that one wants events is no way around.
        posing = await gateway.ask("POST", "/api/v1/lint", json={}, headers={"Accept": "text/event-stream"})
        release.set()
        finished = [await one for one in (*asked, *more)]

    assert done
    assert health[0] == health[2] == 200
    assert posing[0] == 503
    statuses = sorted(status for status, _, _ in finished)
    assert statuses.count(503) >= 2
    assert set(statuses) <= {200, 503}
    problem = next(one for one in finished if one[0] == 503)
    assert (problem[2]["code"], problem[1]["Retry-After"]) == ("overloaded", "2")


async def test_a_place_is_free_again_after_a_failure_and_a_cancellation() -> None:
    entered = asyncio.Event()

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        entered.set()
        if scope["path"] == "/fails":
            raise ZeroDivisionError
        await asyncio.Event().wait()

    overload = Overload(app, max_in_flight=1, max_waiting=0, max_streams=1)

    def call(path: str) -> Any:
        scope = {"type": "http", "path": path, "method": "GET", "headers": []}
        return overload(scope, None, None)  # type: ignore[arg-type]  # never asked

    for path in ("/fails", "/api/v1/runs/x/events"):
        for _ in range(3):
            entered.clear()
            task = asyncio.create_task(call(path))
            await entered.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    assert not overload._slots.locked()
    assert overload._open_streams == 0
