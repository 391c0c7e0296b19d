import asyncio

import pytest
import structlog.testing
from servicekit.tasks import TaskRegistry


async def test_a_task_bears_its_name_and_leaves_when_it_ends() -> None:
    registry = TaskRegistry()
    gate = asyncio.Event()

    task = registry.spawn("gate", gate.wait())

    assert task.get_name() == "gate"
    assert len(registry) == 1
    gate.set()
    await task
    await asyncio.sleep(0)
    assert len(registry) == 0


async def test_an_exception_is_logged_with_the_name_of_the_task() -> None:
    registry = TaskRegistry()

    async def fail() -> None:
        raise ValueError("broken")

    with structlog.testing.capture_logs() as logs:
        task = registry.spawn("failing", fail())
        await asyncio.wait([task])
        await asyncio.sleep(0)

    assert [(line["event"], line["task"]) for line in logs] == [("task_failed", "failing")]


async def test_close_lets_a_task_finish_within_the_grace() -> None:
    registry = TaskRegistry()
    ended: list[str] = []

    async def finish() -> None:
        await asyncio.sleep(0.01)
        ended.append("finished")

    registry.spawn("finishing", finish())
    await registry.close(grace_seconds=5)

    assert ended == ["finished"]


async def test_close_cancels_what_goes_on_and_waits_for_its_clean_up() -> None:
    registry = TaskRegistry()
    ended: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append("cleaned up")

    task = registry.spawn("lingering", linger())
    await asyncio.sleep(0)
    await registry.close()

    assert task.cancelled()
    assert ended == ["cleaned up"]


async def test_nothing_starts_after_close() -> None:
    registry = TaskRegistry()
    await registry.close()

    with pytest.raises(RuntimeError, match="late"):
        registry.spawn("late", asyncio.sleep(0))
