import asyncio

import pytest
from auth_service.accounts.hashing_queue import HashingQueue
from servicekit.errors import Unavailable


async def enter(queue: HashingQueue, served: list[str], name: str, suspicion: int) -> None:
    async with queue.turn(suspicion=suspicion):
        served.append(name)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_least_suspicious_go_first_then_those_who_came_first() -> None:
    queue, served = HashingQueue(10), list[str]()
    async with queue.turn(suspicion=0):
        waiting = [
            asyncio.create_task(enter(queue, served, name, suspicion))
            for name, suspicion in (("guesser", 9), ("first", 0), ("second", 0), ("typo", 1))
        ]
        await settle()
    await asyncio.gather(*waiting)

    assert served == ["first", "second", "typo", "guesser"]


async def test_when_the_queue_is_full_the_most_suspicious_is_refused() -> None:
    queue, served = HashingQueue(1), list[str]()
    async with queue.turn(suspicion=0):
        guesser = asyncio.create_task(enter(queue, served, "guesser", 9))
        await settle()
        good = asyncio.create_task(enter(queue, served, "good", 0))
        await settle()

        with pytest.raises(Unavailable) as refused:
            await guesser
        with pytest.raises(Unavailable):
            await enter(queue, served, "late", 0)
    await good

    assert refused.value.reason == "overloaded"
    assert refused.value.retry_after_seconds == 1
    assert served == ["good"]


async def test_who_leaves_does_not_take_the_turn_along() -> None:
    queue, served = HashingQueue(10), list[str]()
    async with queue.turn(suspicion=0):
        leaving = asyncio.create_task(enter(queue, served, "leaving", 0))
        staying = asyncio.create_task(enter(queue, served, "staying", 0))
        await settle()
        leaving.cancel()
    # The turn was granted to `leaving` or not, according to what its cancellation met first.
    await asyncio.gather(leaving, return_exceptions=True)
    await staying

    async with queue.turn(suspicion=0):
        served.append("next")
    assert served == ["staying", "next"]


async def test_a_turn_granted_to_one_who_is_just_leaving_is_passed_on() -> None:
    queue, served = HashingQueue(10), list[str]()
    async with queue.turn(suspicion=0):
        leaving = asyncio.create_task(enter(queue, served, "leaving", 0))
        staying = asyncio.create_task(enter(queue, served, "staying", 0))
        await settle()
    leaving.cancel()  # its turn is granted already, but it has not run since
    await asyncio.gather(leaving, return_exceptions=True)
    await staying

    assert served == ["staying"]
