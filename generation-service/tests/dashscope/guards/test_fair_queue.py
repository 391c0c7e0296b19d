import asyncio

import pytest
from generation_service.dashscope.guards.fair_queue import FairQueue
from servicekit.errors import Unavailable

FAR = float("inf")


async def hold(gate: FairQueue, tenant: str, served: list[str]) -> None:
    async with gate.slot(tenant, deadline=FAR):
        served.append(tenant)


async def waiting(gate: FairQueue, count: int) -> None:
    while gate.waiting != count:  # noqa: ASYNC110 - the queue has no event to wait for
        await asyncio.sleep(0)


async def test_tenants_take_turns_however_many_calls_one_of_them_has() -> None:
    gate = FairQueue(limit=1, max_waiting=10)
    served: list[str] = []

    async with asyncio.TaskGroup() as tasks, gate.slot("first", deadline=FAR):
        for tenant in ("busy", "busy", "busy", "quiet"):
            tasks.create_task(hold(gate, tenant, served))
        await waiting(gate, 4)
        assert served == []

    assert served == ["busy", "quiet", "busy", "busy"]


async def test_a_full_queue_and_a_passed_deadline_are_overload() -> None:
    gate = FairQueue(limit=1, max_waiting=1)
    now = asyncio.get_running_loop().time()

    async with gate.slot("a", deadline=FAR):
        with pytest.raises(Unavailable) as late:
            async with gate.slot("b", deadline=now + 0.01):
                pass
        waiter = asyncio.ensure_future(hold(gate, "b", []))
        await waiting(gate, 1)
        with pytest.raises(Unavailable) as full:
            async with gate.slot("c", deadline=FAR):
                pass

    await waiter
    assert late.value.reason == full.value.reason == "overloaded"
    assert full.value.retry_after_seconds


async def test_a_waiter_that_is_cancelled_takes_no_slot_with_it() -> None:
    gate = FairQueue(limit=1, max_waiting=10)
    served: list[str] = []
    async with gate.slot("a", deadline=FAR):
        waiter = asyncio.ensure_future(hold(gate, "b", served))
        await waiting(gate, 1)
    # The slot has been handed to the waiter, which has not run since: cancelling it now must give the slot back.
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    await hold(gate, "c", served)

    assert served == ["c"]
