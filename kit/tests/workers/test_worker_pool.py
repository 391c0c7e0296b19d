"""Real processes: how they are started, what ends them, and what who waits is told."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from servicekit import errors
from servicekit.errors import InvalidArgument, SphereError, Unavailable, Violation
from servicekit.testing import jobs
from servicekit.workers.pool import PoolLimits, WorkerPool, open_pool

SERVICES = (b"api_gateway", b"auth_service", b"prompt_service", b"generation_service", b"local_stack")
QUICK = partial(len, "text")
KINDS = [kind for kind in SphereError.__subclasses__() if kind.__module__ == errors.__name__]


def is_gone(pid: int) -> bool:
    """Ended; one that nobody has buried yet counts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def arguments_of(pid: int) -> bytes:
    """The command line without the program, whose path is anybody's."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[2]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state of another process, which has no event for it
            await asyncio.sleep(0.01)


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    """One process, for work of any size."""
    async with open_pool(PoolLimits(workers=1, from_bytes=0, limit_seconds=30.0)) as opened:
        yield opened


@pytest.fixture
async def strict_pool() -> AsyncIterator[WorkerPool]:
    """Likewise, and work has a second."""
    async with open_pool(PoolLimits(workers=1, from_bytes=0, limit_seconds=1.0)) as opened:
        yield opened


async def started(pool: WorkerPool, work: "partial[None]") -> "tuple[asyncio.Task[None], int]":
    """The work under way, and the process that does it."""
    before = pool.pids
    task = asyncio.create_task(pool.run(work, tenant="a"))
    await until(lambda: bool(set(pool.pids) - set(before)))
    return task, pool.pids[-1]


async def test_nothing_is_started_before_the_first_need_and_small_work_needs_nothing() -> None:
    async with open_pool(PoolLimits(from_bytes=1000)) as pool:
        before = pool.pids
        small = await pool.run(partial(len, "a" * 100), tenant="a")
        after_small = pool.pids
        large = await pool.run(partial(len, "a" * 1000), tenant="a")
        after_large = pool.pids

    assert (before, small, after_small, large) == ((), 100, (), 1000)
    assert len(after_large) == 1


async def test_a_worker_is_kept_and_used_again(pool: WorkerPool) -> None:
    await pool.run(QUICK, tenant="a")
    first = pool.pids
    await pool.run(QUICK, tenant="b")

    assert pool.pids == first


async def test_endless_work_is_ended_at_the_limit_and_the_error_names_its_step(strict_pool: WorkerPool) -> None:
    task, pid = await started(strict_pool, partial(jobs.stuck_in, "vague-word"))

    with pytest.raises(InvalidArgument, match="vague-word") as refusal:
        await asyncio.wait_for(task, 10)

    assert refusal.value.reason == "text_too_complex"
    assert refusal.value.metadata == {"step": "vague-word", "limit_seconds": "1"}
    await until(lambda: is_gone(pid))
    assert await strict_pool.run(QUICK, tenant="a") == 4
    assert pid not in strict_pool.pids


async def test_work_without_steps_is_named_by_its_function(strict_pool: WorkerPool) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        await strict_pool.run(partial(signal.pause), tenant="a")

    assert refusal.value.metadata["step"] == "pause"


async def test_a_stopped_worker_is_killed_by_its_parent(strict_pool: WorkerPool) -> None:
    task, pid = await started(strict_pool, partial(jobs.stuck_in, "x"))
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(InvalidArgument, match="did not end"):
        await asyncio.wait_for(task, 10)

    await until(lambda: is_gone(pid))


async def test_a_worker_killed_at_work_gives_a_typed_error_and_is_replaced(pool: WorkerPool) -> None:
    task, pid = await started(pool, partial(jobs.stuck_in, "secret"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(Unavailable) as failure:
        await task

    assert failure.value.reason == "worker_lost"
    assert failure.value.retry_after_seconds
    assert await pool.run(QUICK, tenant="a") == 4
    assert pool.pids
    assert pid not in pool.pids


async def test_a_worker_killed_while_idle_is_replaced_unseen(pool: WorkerPool) -> None:
    await pool.run(QUICK, tenant="a")
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    await until(lambda: is_gone(pid))

    assert await pool.run(QUICK, tenant="a") == 4
    assert pid not in pool.pids


async def test_who_stops_waiting_ends_the_work_and_frees_its_place(pool: WorkerPool) -> None:
    task, pid = await started(pool, partial(jobs.stuck_in, "x"))
    behind = asyncio.create_task(pool.run(QUICK, tenant="b"))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await asyncio.wait_for(behind, 10) == 4
    await until(lambda: is_gone(pid))


async def test_a_worker_without_work_ends_after_a_while() -> None:
    async with open_pool(PoolLimits(from_bytes=0), idle_seconds=0.05) as pool:
        await pool.run(QUICK, tenant="a")
        (pid,) = pool.pids
        await until(lambda: is_gone(pid))

        assert pool.pids == ()
        assert await pool.run(QUICK, tenant="a") == 4


async def test_closing_ends_workers_idle_and_busy() -> None:
    async with open_pool(PoolLimits(workers=2, from_bytes=0, limit_seconds=30.0)) as pool:
        task, busy = await started(pool, partial(jobs.stuck_in, "x"))
        await pool.run(QUICK, tenant="b")
        pids = pool.pids
        assert len(pids) == 2
    with pytest.raises(Unavailable):
        await task

    assert busy in pids
    assert all(is_gone(pid) for pid in pids)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_a_refusal_comes_out_of_a_worker_whole(pool: WorkerPool, kind: type[SphereError]) -> None:
    error = kind("Say less.", reason="r", metadata={"a": "b"}, violations=[Violation("/a", "b")], retry_after_seconds=2)

    with pytest.raises(kind) as raised:
        await pool.run(partial(jobs.refuse, error), tenant="a")

    assert vars(raised.value).items() >= vars(error).items()
    assert pool.pids


async def test_a_defect_comes_out_with_the_place_where_it_happened(pool: WorkerPool) -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        await pool.run(partial(int, "x"), tenant="a")

    assert "child.py" in raised.value.__notes__[-1]


async def test_what_cannot_travel_fails_where_it_was_asked_for(pool: WorkerPool) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError)):
        await pool.run(partial(lambda: None), tenant="a")


async def test_a_worker_looks_like_no_service_and_knows_no_secret(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTSPHERE_DASHSCOPE_API_KEY", "sk-canary")
    names = await pool.run(partial(jobs.environment_names), tenant="a")
    heavy = await pool.run(partial(jobs.modules_loaded, ("grpc", "sqlalchemy", "structlog", "asyncio")), tenant="a")
    (pid,) = pool.pids
    command = arguments_of(pid)

    assert heavy == []
    assert not [name for name in names if name.startswith("PROMPTSPHERE")]
    assert not [name for name in SERVICES if name in command]


async def test_without_room_for_a_process_work_is_refused_and_later_done(pool: WorkerPool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(Unavailable) as refusal:
            await pool.run(QUICK, tenant="a")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert refusal.value.reason == "overloaded"
    assert await pool.run(QUICK, tenant="a") == 4


PARENT = """
import asyncio, sys
from functools import partial
from servicekit.testing import jobs
from servicekit.workers.pool import PoolLimits, open_pool

async def main():
    async with open_pool(PoolLimits(workers=2, from_bytes=0, limit_seconds=60.0)) as pool:
        stuck = asyncio.create_task(pool.run(partial(jobs.stuck_in, "x"), tenant="a"))
        while not pool.pids:
            await asyncio.sleep(0.01)
        await pool.run(partial(len, ""), tenant="b")
        print(*pool.pids, flush=True)
        await stuck

asyncio.run(main())
"""


async def test_workers_die_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)  # noqa: ASYNC220
    assert parent.stdout is not None
    while True:
        line = (await asyncio.to_thread(parent.stdout.readline)).split()
        if len(line) == 2 and all(word.isdigit() for word in line):
            break
        assert parent.poll() is None
    pids = [int(word) for word in line]
    assert not [pid for pid in pids if is_gone(pid)]

    parent.kill()
    parent.wait()
    parent.stdout.close()

    await until(lambda: all(is_gone(pid) for pid in pids))


async def test_too_much_waiting_work_is_refused(pool: WorkerPool) -> None:
    waiting = [asyncio.create_task(pool.run(partial(jobs.stuck_in, "x"), tenant="a")) for _ in range(65)]
    await until(lambda: bool(pool.pids))

    with pytest.raises(Unavailable) as refusal:
        await pool.run(QUICK, tenant="a")

    assert refusal.value.reason == "overloaded"
    assert refusal.value.retry_after_seconds
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await pool.run(QUICK, tenant="a") == 4


def test_every_error_of_the_kit_is_covered() -> None:
    assert set(errors.ERRORS_BY_CODE.values()) == set(KINDS)
