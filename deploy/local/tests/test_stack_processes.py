"""With tiny real child processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from local_stack.processes import ProcessSpec, Supervised
from local_stack.refusal import StartFailure

SLEEP = "import time; time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("[deaf]", flush=True)
time.sleep(60)
"""


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition is another process
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def supervised(
    folder: Path, code: str, *before: str, shown: list[str] | None = None
) -> AsyncIterator[Supervised]:
    spec = ProcessSpec(
        name="child",
        command=python(code),
        environment=os.environ,
        once_before=tuple(python(step) for step in before),
    )
    process = Supervised(spec, folder, (shown if shown is not None else []).append)
    await process.start()
    try:
        yield process
    finally:
        process.kill()
        await process.stop(5)


async def test_a_killed_child_is_started_again_at_once(tmp_path: Path) -> None:
    shown: list[str] = []
    async with supervised(tmp_path, SLEEP, shown=shown) as process:
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: process.pid not in {None, first})

    assert process.deaths == 1
    assert shown == ["[child] ended with signal 9; starting it again at once"]


async def test_one_that_keeps_dying_waits_longer_each_time(tmp_path: Path) -> None:
    shown: list[str] = []
    async with supervised(tmp_path, "raise SystemExit(3)", shown=shown) as process:
        await until(lambda: process.deaths >= 3)

    assert [line.rsplit(" again ")[1] for line in shown[:3]] == ["at once", "in 0.5 s", "in 1 s"]
    assert "exit code 3" in shown[0]


async def test_stop_ends_it_and_nothing_starts_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, SLEEP) as process:
        pid = process.pid
        assert pid is not None
        await process.stop(5)

        assert process.pid is None
        assert not is_alive(pid)
        assert process.deaths == 0


async def test_one_that_ignores_the_request_is_killed_after_the_limit(tmp_path: Path) -> None:
    shown: list[str] = []
    async with supervised(tmp_path, STUBBORN, shown=shown) as process:
        await until(lambda: "[child] [deaf]" in shown)
        await process.stop(0.2)

        assert process.pid is None
    assert any("was killed" in line for line in shown)


async def test_stop_while_it_waits_to_start_again_returns_soon(tmp_path: Path) -> None:
    async with supervised(tmp_path, "raise SystemExit(1)") as process:
        await until(lambda: process.deaths >= 4)
        async with asyncio.timeout(0.5):
            await process.stop(30)


async def test_what_comes_before_runs_first_and_its_failure_stops_the_start(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with supervised(tmp_path, f"open({str(mark)!r}).close(); {SLEEP}", f"open({str(mark)!r}, 'w')") as process:
        assert mark.exists()
        assert process.pid is not None

    with pytest.raises(StartFailure, match="no such table"):
        async with supervised(tmp_path, SLEEP, "raise SystemExit('no such table')"):
            pass


async def test_a_program_that_is_not_there_is_a_start_failure(tmp_path: Path) -> None:
    spec = ProcessSpec(name="child", command=("/no/such/program",), environment={})

    with pytest.raises(StartFailure, match="/no/such/program"):
        await Supervised(spec, tmp_path, print).start()


def test_a_killed_launcher_takes_its_children_along(tmp_path: Path) -> None:
    launcher_code = f"""
import asyncio, pathlib, sys
from local_stack.processes import ProcessSpec, Supervised
async def main():
    spec = ProcessSpec("child", {python(SLEEP)!r}, {{}})
    process = Supervised(spec, pathlib.Path({str(tmp_path)!r}), print)
    await process.start()
    print(process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen(python(launcher_code), stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        assert is_alive(child)
        launcher.kill()

    asyncio.run(until(lambda: not is_alive(child)))
