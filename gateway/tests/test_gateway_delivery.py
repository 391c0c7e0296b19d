"""Delivery: the cache by itself, and the route before it."""

import asyncio
from typing import Any

import pytest
from api_gateway.delivery_cache import MAX_AGE_SECONDS, MAX_BYTES, DeliveryCache
from promptsphere.prompt.v1 import delivery_pb2, versions_pb2
from servicekit.errors import NotFound, Unavailable
from servicekit.redis import invalidations
from servicekit.redis.client import GuardedRedis

KEY = ("w1", "support/faq", "label production")
MISSING = NotFound("There is no such prompt, or it is not yours.")


class Source:
    """What prompt-service holds; a read can be held up in the middle."""

    def __init__(self, value: bytes | Exception) -> None:
        self.value = value
        self.reads = 0
        self.reached = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def load(self) -> bytes:
        self.reads += 1
        seen = self.value
        self.reached.set()
        await self.release.wait()
        if isinstance(seen, Exception):
            raise seen
        return seen


async def test_many_who_ask_at_once_cause_one_read() -> None:
    cache, source = DeliveryCache(), Source(b"1")

    said = await asyncio.gather(*(cache.read(KEY, source.load) for _ in range(100)))

    assert ({one.body for one in said}, source.reads) == ({b"1"}, 1)
    assert cache.held(KEY) == said[0]


async def test_what_is_held_is_never_older_than_its_bound() -> None:
    cache, source = DeliveryCache(), Source(b"1")
    loop = asyncio.get_running_loop()
    started = loop.time()
    await cache.read(KEY, source.load)

    async with asyncio.timeout(MAX_AGE_SECONDS + 1):
        while cache.held(KEY) is not None:  # noqa: ASYNC110 - time does it
            await asyncio.sleep(0.01)

    assert loop.time() - started >= MAX_AGE_SECONDS - 0.05


async def test_an_invalidation_that_races_a_read_wins() -> None:
    cache, source = DeliveryCache(), Source(b"old")
    source.release.clear()
    early = asyncio.create_task(cache.read(KEY, source.load))
    await source.reached.wait()

    source.value = b"new"
    cache.forget("w1", ["support/faq"])
    late = asyncio.create_task(cache.read(KEY, source.load))
    await asyncio.sleep(0)
    source.release.set()

    assert (await early).body == b"old"
    assert (await late).body == b"new"
    held = cache.held(KEY)
    assert held is not None
    assert held.body == b"new"


async def test_an_invalidation_that_races_a_read_leaves_nothing_old() -> None:
    cache, source = DeliveryCache(), Source(b"old")
    source.release.clear()
    read = asyncio.create_task(cache.read(KEY, source.load))
    await source.reached.wait()

    cache.clear()
    source.release.set()
    await read

    assert cache.held(KEY) is None


async def test_only_what_changed_is_forgotten() -> None:
    cache, source = DeliveryCache(), Source(b"1")
    others = [("w1", "other", "label production"), ("w2", "support/faq", "label production")]
    for key in (KEY, *others):
        await cache.read(key, source.load)

    cache.forget("w1", ["support/faq"])

    assert cache.held(KEY) is None
    assert all(cache.held(key) for key in others)
    cache.forget("w1")
    assert cache.held(others[0]) is None
    assert cache.held(others[1]) is not None


async def test_what_is_not_there_is_remembered_and_forgotten_like_an_answer() -> None:
    cache, source = DeliveryCache(), Source(MISSING)
    with pytest.raises(NotFound):
        await cache.read(KEY, source.load)

    for _ in range(50):
        with pytest.raises(NotFound) as caught:
            cache.held(KEY)
        assert len(list(_frames(caught.value))) < 5
    cache.forget("w1", ["support/faq"])
    assert cache.held(KEY) is None


def _frames(error: BaseException) -> Any:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


async def test_other_failures_are_not_remembered() -> None:
    cache, source = DeliveryCache(), Source(Unavailable("away"))
    with pytest.raises(Unavailable):
        await cache.read(KEY, source.load)

    assert cache.held(KEY) is None
    source.value = b"back"
    assert (await cache.read(KEY, source.load)).body == b"back"


async def test_one_who_leaves_fails_nobody_else() -> None:
    cache, source = DeliveryCache(), Source(b"1")
    source.release.clear()
    leaving, staying = (asyncio.create_task(cache.read(KEY, source.load)) for _ in range(2))
    await source.reached.wait()

    leaving.cancel()
    await asyncio.sleep(0)
    source.release.set()

    assert (await staying).body == b"1"


async def test_what_is_held_is_bounded_in_bytes() -> None:
    cache, source = DeliveryCache(), Source(b"x" * 256 * 1024)

    for number in range(2 * MAX_BYTES // (256 * 1024)):
        await cache.read(("w1", str(number), ""), source.load)

    outcomes: list[Any] = [entry.outcome for entry in cache._entries.values()]
    held = sum(len(outcome.body) for outcome in outcomes)
    assert MAX_BYTES * 0.9 < held <= MAX_BYTES
    cache.clear()
    assert cache._held_bytes == 0


async def test_an_announcement_is_heard(redis_url: str) -> None:
    redis = GuardedRedis(redis_url, timeout_seconds=1)
    cache, source = DeliveryCache(), Source(b"1")
    following = asyncio.create_task(cache.follow(redis))
    async with asyncio.timeout(5):
        while not (await redis.run(lambda client: client.pubsub_numsub(invalidations.CHANNEL)))[0][1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # Redis tells nobody who listens
    await cache.read(KEY, source.load)
    assert cache.held(KEY)

    await invalidations.publish(redis, workspace_id="w1", names=["support/faq"])

    async with asyncio.timeout(1):
        while cache.held(KEY):  # noqa: ASYNC110 - the listener tells nobody
            await asyncio.sleep(0.002)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await redis.close()


def delivered(number: int, label: str = "") -> delivery_pb2.GetDeliveryResponse:
    version = versions_pb2.Version(number=number, content="你好 {{ name }}", content_sha256="ab")
    return delivery_pb2.GetDeliveryResponse(name="support/faq", version=version, label=label)


async def test_a_prompt_is_delivered_with_an_etag_and_304_after(gateway: Any) -> None:
    gateway.services.does["GetDelivery"] = lambda request: delivered(3, request.label or "production")
    path = "/api/v1/delivery/support/faq"

    status, headers, body = await gateway.ask("GET", path, headers=gateway.user())
    again = await gateway.ask("GET", path, headers=gateway.user() | {"If-None-Match": f'"x", W/{headers["ETag"]}'})

    assert (status, body["name"], body["version"], body["label"]) == (200, "support/faq", 3, "production")
    assert body["content"] == "你好 {{ name }}"
    assert (headers["Cache-Control"], headers["Vary"]) == ("private, no-cache", "Authorization")
    assert (again[0], again[1]["ETag"], again[2]) == (304, headers["ETag"], b"")
    assert len(gateway.services.arrived["GetDelivery"]) == 1


async def test_a_label_that_looks_like_a_number_is_none(gateway: Any) -> None:
    def deliver(request: delivery_pb2.GetDeliveryRequest) -> Any:
        return delivered(request.version) if request.version else MISSING

    gateway.services.does["GetDelivery"] = deliver
    path = "/api/v1/delivery/a"

    assert (await gateway.ask("GET", path + "?version=3", headers=gateway.user()))[0] == 200
    for label in ("%233", "version%203", "3"):
        assert (await gateway.ask("GET", f"{path}?label={label}", headers=gateway.user()))[0] == 404
    assert (await gateway.ask("GET", path + "?version=3", headers=gateway.user()))[0] == 200


async def test_a_write_through_this_gateway_is_seen_by_the_next_read(gateway: Any) -> None:
    current = [1]
    gateway.services.does["GetDelivery"] = lambda _: delivered(current[0])
    path = "/api/v1/delivery/support/faq"
    await gateway.ask("GET", path, headers=gateway.user())
    current[0] = 2

    await gateway.ask("PUT", "/api/v1/prompts/p1/labels/production", json={"version": 2}, headers=gateway.user())

    assert (await gateway.ask("GET", path, headers=gateway.user()))[2]["version"] == 2


async def test_label_and_version_together_are_422(gateway: Any) -> None:
    status, _, body = await gateway.ask("GET", "/api/v1/delivery/a?label=x&version=1", headers=gateway.user())

    assert (status, body["code"]) == (422, "invalid_request")
