"""The launcher as its users meet it: what it refuses, how it stops, what survives, and the demo."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from local_stack.testing import PASSWORD, Person, StackProcess, ask, running_stack, until
from vendor_fakes.dashscope import Fault
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.process import FakeProcess

MODULES = ("api_gateway", "auth_service", "prompt_service", "generation_service", "redis")
STOP_SECONDS = 40.0


def run(command: str, data_dir: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "local_stack", command, *arguments],
        env=os.environ | {"DATA_DIR": str(data_dir), "PORT": "0", "ENGINE": "rules"} | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def children(stack: StackProcess) -> list[int]:
    return [pid for module in MODULES for pid in stack.pids(module)]


def are_gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


async def test_what_would_disturb_a_running_stack_is_refused_with_a_sentence(
    stack: StackProcess, person: Person, tmp_path: Path
) -> None:
    port = stack.environment["PORT"]

    taken_port = run("run", tmp_path, PORT=port)
    taken_folder = run("run", stack.data_dir, PORT="0")

    assert (taken_port.returncode, taken_folder.returncode) == (2, 2)
    assert f"Port {port}" in taken_port.stderr
    assert "DATA_DIR" in taken_folder.stderr
    assert len(taken_port.stderr.strip().splitlines()) == len(taken_folder.stderr.strip().splitlines()) == 1
    assert (await person.client.send("GET", "/api/v1/me")).status == 200


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"WORKERS": "2"}, "MYSQL_URL"),
        ({"WORKERS": "0"}, "WORKERS"),
        ({"ENGINE": "dashscope"}, "DASHSCOPE_API_KEY"),
        ({"ENGINE": "magic"}, "ENGINE"),
        ({"PORT": "99999"}, "PORT"),
        ({"MYSQL_URL": "mysql://nobody@127.0.0.1:1"}, "MYSQL_URL"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "REDIS_URL"),
        ({"HOST": "no.such.host.invalid"}, "HOST"),
        ({"HOST": "192.0.2.1"}, "HOST"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_with_a_sentence(
    tmp_path: Path, environment: dict[str, str], word: str
) -> None:
    refused = run("run", tmp_path, **environment)

    assert refused.returncode == 2
    assert word in refused.stderr
    assert "Traceback" not in refused.stderr


async def open_stream(author: Person, run_id: str, opened: asyncio.Event) -> bytes:
    """All bytes of a run's event stream until the server ends it."""
    headers = {"Authorization": f"Bearer {author.client.access_token}"}
    url = f"{author.client.url}/api/v1/runs/{run_id}/events"
    content = b""
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        async for chunk in response.content.iter_any():
            content += chunk
            if b"event: delta" in content:
                opened.set()
    return content


async def slow_run(vendor: FakeProcess, author: Person, *, chunk_seconds: float) -> str:
    description = {"description": "客服智能体，需要专业、耐心、能解决常见问题"}
    requirement = await author.client.expect(200, "POST", "/api/v1/requirements", description)
    vendor.script(Fault(FaultKind.SLOW, seconds=chunk_seconds), model="qwen-plus")
    body = {"kind": "generate", "input": {"requirement_id": requirement.body["id"]}}
    return str((await author.client.expect(202, "POST", "/api/v1/runs", body)).body["id"])


async def test_a_stop_closes_open_streams_leaves_no_process_and_loses_nothing(
    model_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    prompt = await author.prompt("still here")
    run_id = await slow_run(vendor, author, chunk_seconds=0.5)
    opened = asyncio.Event()
    stream = asyncio.create_task(open_stream(author, run_id, opened))
    await asyncio.wait_for(opened.wait(), 20)
    pids = children(model_stack)

    began = time.monotonic()
    code = await asyncio.to_thread(model_stack.stop)
    stop_seconds = time.monotonic() - began
    content = await stream
    assert await asyncio.to_thread(are_gone, pids)
    await asyncio.to_thread(model_stack.start)
    login = {"email": author.email, "password": PASSWORD}
    again = await author.client.send("POST", "/api/v1/auth/login", login)
    kept = await author.client.expect(200, "GET", f"/api/v1/prompts/{prompt['id']}")
    frames = await author.replay(run_id)

    assert code == 0
    assert stop_seconds <= STOP_SECONDS
    assert len(pids) == len(MODULES)
    assert content.endswith(b": draining\n\n")
    assert again.status == 200
    assert kept.body["version"]["content"] == "still here"
    assert content.split(b": draining")[0].decode() in "".join(frames)
    assert sum("event: error" in frame for frame in frames) == 1
    ledger = model_stack.rows("generation", "SELECT * FROM usage_ledger WHERE run_id = ?", run_id)
    assert [bool(row["is_estimated"]) for row in ledger] == [True]


async def test_a_killed_launcher_takes_all_along_and_the_next_one_finds_everything(
    model_stack: StackProcess, author: Person
) -> None:
    prompt = await author.prompt("here as well")
    pids = children(model_stack)

    model_stack.launcher.kill()
    model_stack.launcher.wait()
    await until(lambda: are_gone(pids), seconds=5)
    await asyncio.to_thread(model_stack.start)
    kept = await author.client.expect(200, "GET", f"/api/v1/prompts/{prompt['id']}")

    assert kept.body["version"]["content"] == "here as well"


async def test_a_child_that_keeps_dying_is_brought_back_each_time(stack: StackProcess, person: Person) -> None:
    for _ in range(3):
        (before,) = stack.pids("prompt_service")
        os.kill(before, signal.SIGKILL)
        await until(lambda before=before: stack.pids("prompt_service") not in ([], [before]), seconds=20)  # type: ignore[misc]
    async with asyncio.timeout(20):
        while True:
            if (await person.client.send("GET", "/api/v1/prompts")).status == 200:
                break
            await asyncio.sleep(0.05)

    assert stack.launcher.poll() is None


async def test_the_demo_starts_what_it_needs_and_a_second_one_adds_a_version(tmp_path: Path) -> None:
    first = await asyncio.to_thread(run, "demo", tmp_path)
    with running_stack(tmp_path) as stack:
        second = await asyncio.to_thread(run, "demo", tmp_path)
        third = await asyncio.to_thread(run, "demo", tmp_path, "an agent that writes API docs")
        ready = (await ask(stack.url, "GET", "/readyz")).status

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 0), first.stderr + second.stderr
    assert "demo/agent 的第 1 版" in first.stdout
    assert "demo/agent 的第 2 版" in second.stdout
    assert "version 3 of demo/agent" in third.stdout
    for done in (first, second, third):
        assert "curl -H 'Authorization: Bearer psk_" in done.stdout
        assert "HTTP 200" in done.stdout
    assert ready == 200


TERMINALS = {
    "ascii": ("", {"PYTHONIOENCODING": "ascii"}),
    "strict ascii": ("", {"PYTHONIOENCODING": "ascii:strict"}),
    "latin": ("", {"PYTHONIOENCODING": "latin-1"}),
    "gbk": ("", {"PYTHONIOENCODING": "gbk"}),
    "LANG=C": ("", {"LANG": "C"}),
    "C and nothing else": ("", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "dumb": ("", {"TERM": "dumb", "COLUMNS": "1"}),
    "stdout closed": (">&-", {}),
    "all closed": (">&- 2>&- <&-", {}),
    "a reader that leaves": ("| head -c 1", {}),
    "nobody reads": ("| true", {}),
    "a full disk": (">/dev/full", {}),
    "both full": (">/dev/full 2>/dev/full", {}),
}


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_demo_ends_in_no_traceback_whatever_its_terminal(stack: StackProcess, terminal: str) -> None:
    plumbing, environment = TERMINALS[terminal]
    command = f'"$0" -m local_stack demo 客服智能体，需要专业 {plumbing}'
    # The launcher that runs is found by its folder, so the demo starts nothing.
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        env=os.environ | {"DATA_DIR": str(stack.data_dir)} | environment,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception" not in done.stderr + done.stdout
    if not plumbing:
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["what?mode=memory", "%41 #1", "中文 it's"])
def test_a_stack_keeps_all_of_its_files_in_its_own_folder(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir(mode=0o755)

    with running_stack(data_dir) as stack:
        (count,) = stack.rows("prompt", "SELECT COUNT(*) AS n FROM prompts")

    assert count["n"] == 0
    assert list(tmp_path.iterdir()) == [data_dir]
    assert {path.name for path in data_dir.glob("*.db")} == {"auth.db", "prompt.db", "generation.db"}
    ours = [path for path in data_dir.rglob("*") if path.name != "launcher.log"]
    assert [path for path in ours if path.stat().st_mode & 0o077] == []
