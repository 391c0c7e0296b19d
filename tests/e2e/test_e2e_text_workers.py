"""Hostile texts against a whole stack: others don't feel them, and the processes that bear them come and go unseen."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_stack.testing import Person, StackProcess

MAX_BYTES = 256 * 1024
HOSTILE = (", ", "，", "\n#", "- a\n", "<!--", "a. ", "{{", "1", "简洁", "```\n")
"""Pieces that were quadratic once, or are slow."""
LARGE = "- Answer politely.\n" * 4000
SMALL = "你是客服助手。请用简体中文回答用户的问题 {{question}}，不超过 100 字。"
MOST_P99_SECONDS = 0.1
MOST_WORKER_MIB = 40.0
MOST_GROWTH_MIB = 10.0


def rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found.append(int(status.parent.name))
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the state of another process, which has no event for it
            await asyncio.sleep(0.02)


async def lint(person: Person, content: str) -> int:
    return (await person.client.send("POST", "/api/v1/lint", {"content": content})).status


async def waits(person: Person) -> list[float]:
    """How long a hundred small texts took, in seconds, the shortest first."""
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        assert await lint(person, SMALL) == 200
        seconds.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return sorted(seconds)


@contextmanager
def fresh_service(stack: StackProcess) -> Iterator[int]:
    """A generation-service that has just been started again; its process."""
    (before,) = stack.pids("generation_service")
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not (now := [pid for pid in stack.pids("generation_service") if pid != before]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield now[0]


async def served(person: Person, content: str) -> None:
    """Wait until the service that was started again answers."""
    async with asyncio.timeout(60):
        while await lint(person, content) != 200:  # noqa: ASYNC110 - the state of another process
            await asyncio.sleep(0.1)


async def test_workers_start_on_first_need_and_take_little(stack: StackProcess, person: Person) -> None:
    with fresh_service(stack) as service:
        await served(person, SMALL)
    idle_mib, before = rss_mib(service), children_of(service)

    statuses = [await lint(person, LARGE) for _ in range(3)]
    workers = children_of(service)
    worker_mib, used_mib = max(rss_mib(pid) for pid in workers), rss_mib(service)

    print(f"idle {idle_mib:.1f} MiB, after large texts {used_mib:.1f} MiB, worker {worker_mib:.1f} MiB")  # noqa: T201
    assert (before, statuses) == ([], [200, 200, 200])
    assert len(workers) == 1
    assert worker_mib < MOST_WORKER_MIB
    assert used_mib - idle_mib < MOST_GROWTH_MIB
    assert stack.pids("generation_service") == [service]


async def test_a_killed_worker_is_replaced_and_a_killed_service_leaves_none(
    stack: StackProcess, person: Person
) -> None:
    (service,) = stack.pids("generation_service")
    assert await lint(person, LARGE) == 200
    (worker,) = children_of(service)

    os.kill(worker, signal.SIGKILL)
    assert await lint(person, LARGE) == 200
    (successor,) = set(children_of(service)) - {worker}

    stack.kill("generation_service")
    await until(lambda: not Path(f"/proc/{successor}").exists())
    await served(person, LARGE)


@pytest.mark.slow
async def test_a_neighbour_does_not_feel_ten_hostile_texts(new_person: Any) -> None:
    attackers = [await new_person() for _ in range(len(HOSTILE))]
    neighbour = await new_person()
    is_over = asyncio.Event()
    ends: dict[tuple[str, int], int] = {}

    async def attack(person: Person, piece: str) -> None:
        content = (piece * MAX_BYTES).encode()[:MAX_BYTES].decode(errors="ignore")
        while not is_over.is_set():
            status = await lint(person, content)
            ends[piece, status] = ends.get((piece, status), 0) + 1

    attacks = [asyncio.create_task(attack(*pair)) for pair in zip(attackers, HOSTILE, strict=True)]
    await lint(neighbour, SMALL)
    rounds = [await waits(neighbour) for _ in range(3)]
    is_over.set()
    await asyncio.gather(*attacks)

    shown = ", ".join(f"{one[50] * 1000:.0f}/{one[98] * 1000:.0f}" for one in rounds)
    print(f"neighbour p50/p99 in ms: {shown}; texts {ends}")  # noqa: T201
    assert {status for _, status in ends} <= {200, 422, 503}
    # The least of three: what else the machine does comes and goes, what the service does stays.
    assert min(one[98] for one in rounds) <= MOST_P99_SECONDS
