"""Whose work is next, without any process."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from servicekit.errors import Unavailable
from servicekit.workers.turns import Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Work:
    """Work that holds its turn until it is told to end, and notes when it began."""

    def __init__(self, turns: Turns, begun: list[str]) -> None:
        self._turns = turns
        self._begun = begun
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def add(self, tenant: str, name: str, *, is_large: bool = False, is_refusable: bool = True) -> None:
        async def hold() -> None:
            async with self._turns.turn(tenant, is_large=is_large, is_refusable=is_refusable):
                self._begun.append(name)
                await self._ends[name].wait()

        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(hold())
        await settle()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settle()


@pytest.fixture
def begun() -> list[str]:
    return []


async def test_tenants_take_turns_and_keep_their_order(begun: list[str]) -> None:
    work = Work(Turns(1, max_waiting=10, wait_seconds=30), begun)
    for name in ("a1", "a2", "a3", "b1", "c1"):
        await work.add(name[0], name)

    for name in ("a1", "a2", "b1", "c1", "a3"):
        await work.end(name)

    assert begun == ["a1", "a2", "b1", "c1", "a3"]


async def test_the_last_place_is_for_another_tenant_with_little_to_do(begun: list[str]) -> None:
    work = Work(Turns(2, max_waiting=10, wait_seconds=30), begun)
    await work.add("a", "a1")
    await work.add("a", "a2")
    await work.add("b", "b large", is_large=True)
    await work.add("c", "c1")

    assert begun == ["a1", "c1"]

    await work.end("c1")
    assert begun == ["a1", "c1"]
    await work.end("a1")
    assert begun == ["a1", "c1", "a2"]
    await work.end("a2")
    assert begun == ["a1", "c1", "a2", "b large"]


async def test_who_gives_up_in_the_line_or_at_work_leaves_room(begun: list[str]) -> None:
    turns = Turns(1, max_waiting=10, wait_seconds=30)
    work = Work(turns, begun)
    for name in ("a1", "a2", "a3"):
        await work.add("a", name)

    work.tasks["a2"].cancel()
    work.tasks["a1"].cancel()
    await settle()

    assert begun == ["a1", "a3"]
    assert turns.waiting == 0


async def test_who_gives_up_in_front_lets_those_behind_begin(begun: list[str]) -> None:
    work = Work(Turns(2, max_waiting=10, wait_seconds=30), begun)
    await work.add("a", "a1")
    await work.add("b", "b large", is_large=True)
    await work.add("b", "b2")
    assert begun == ["a1"]

    work.tasks["b large"].cancel()
    await settle()

    assert begun == ["a1", "b2"]


async def test_a_place_handed_over_in_the_moment_of_leaving_is_passed_on(begun: list[str]) -> None:
    turns = Turns(1, max_waiting=10, wait_seconds=30)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(turns.turn("a"))
        work = Work(turns, begun)
        await work.add("b", "b1")
        await work.add("c", "c1")
        await stack.aclose()
        work.tasks["b1"].cancel()
        await settle()

    assert begun == ["c1"]


async def test_lines_are_bounded_but_for_work_that_is_bounded_elsewhere(begun: list[str]) -> None:
    turns = Turns(1, max_waiting=2, wait_seconds=30)
    work = Work(turns, begun)
    for name in ("a1", "a2", "a3"):
        await work.add("a", name)

    with pytest.raises(Unavailable):
        await turns.turn("a").__aenter__()
    await work.add("b", "b1")
    await work.add("a", "a run", is_refusable=False)

    assert turns.waiting == 4
    for task in work.tasks.values():
        task.cancel()
    await settle()
    assert turns.waiting == 0


async def test_all_who_wait_may_give_up_at_once(begun: list[str]) -> None:
    turns = Turns(1, max_waiting=10, wait_seconds=30)
    work = Work(turns, begun)
    for name in ("a1", "a2", "b1", "b2"):
        await work.add(name[0], name)

    for task in work.tasks.values():
        task.cancel()
    await settle()

    assert turns.waiting == 0
    await work.add("c", "c1")
    assert begun == ["a1", "c1"]


async def test_a_wait_that_is_too_long_is_refused_but_for_work_that_is_bounded_elsewhere(begun: list[str]) -> None:
    turns = Turns(1, max_waiting=10, wait_seconds=0.01)
    work = Work(turns, begun)
    await work.add("a", "a1")
    await work.add("a", "a run", is_refusable=False)

    with pytest.raises(Unavailable) as refusal:
        await turns.turn("b").__aenter__()

    assert refusal.value.reason == "overloaded"
    await work.end("a1")
    assert begun == ["a1", "a run"]
    await work.end("a run")
