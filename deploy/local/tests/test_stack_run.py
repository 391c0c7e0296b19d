"""`python -m local_stack run` with stand-ins for the four programs, a few lines each."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
from local_stack.data_dir import RunningStack, find_running
from local_stack.servers import free_port

SERVICE = """
import os, signal, sys, threading
name = __package__
with open(os.environ["JOURNAL"], "a") as journal:
    journal.write(f"{name} {' '.join(sys.argv[1:]) or 'started'}\\n")
if sys.argv[1:] != ["migrate"]:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write(f"{name} stopped\\n")
"""
GATEWAY = """
import http.server, os, signal, socketserver, threading
import redis
redis.Redis.from_url(os.environ["PROMPTSPHERE_REDIS_URL"]).ping()
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    allow_reuse_address = True
server = Server((os.environ["PROMPTSPHERE_HOST"], int(os.environ["PROMPTSPHERE_PORT"])), Answer)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
with open(os.environ["JOURNAL"], "a") as journal:
    journal.write("api_gateway stopped\\n")
"""


def until(condition: Callable[[], object]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline
        sleep(0.02)


def descendants(pid: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = (status.parent / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            child = int(status.parent.name)
            found |= {child: command, **descendants(child)}
    return found


class Launcher:
    def __init__(self, folder: Path, **variables: str) -> None:
        self.data_dir = folder / "data"
        self.journal = folder / "journal"
        programs = folder / "programs"
        programs.mkdir(parents=True, exist_ok=True)
        self.journal.touch()
        for name in ("auth_service", "prompt_service", "generation_service", "api_gateway"):
            (programs / name).mkdir(parents=True, exist_ok=True)
            (programs / name / "__init__.py").touch()  # else the installed package of this name comes first
            (programs / name / "__main__.py").write_text(GATEWAY if name == "api_gateway" else SERVICE)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(programs),
            "JOURNAL": str(self.journal),
            "DATA_DIR": str(self.data_dir),
            "PORT": str(free_port()),
            **variables,
        }

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", "local_stack", "run"]
        process = subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def refused(self) -> tuple[int, str]:
        with self.running() as process:
            said = process.communicate(timeout=20)[1]
        return process.returncode, said

    def ready(self) -> RunningStack:
        until(lambda: find_running(self.data_dir))
        stack = find_running(self.data_dir)
        assert stack is not None
        return stack


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    return Launcher(tmp_path)


def test_it_migrates_starts_serves_and_stops_in_order(launcher: Launcher) -> None:
    with launcher.running() as process:
        stack = launcher.ready()
        assert stack.pid == process.pid
        with urllib.request.urlopen(stack.url + "/readyz") as answer:  # noqa: S310 - our own
            assert answer.status == 200
        commands = list(descendants(process.pid).values())
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]

    assert len(commands) == 5
    assert all(f"-m {name}" in " ".join(commands) for name in ("api_gateway", "auth_service", "prompt_service"))
    lines = launcher.journal.read_text().splitlines()
    for name in ("auth_service", "prompt_service", "generation_service"):
        assert lines.index(f"{name} migrate") < lines.index(f"{name} started")
        assert lines.index("api_gateway stopped") < lines.index(f"{name} stopped")
    assert process.returncode == 0
    assert "/docs" in said
    assert "rules" in said
    assert str(launcher.data_dir) in said
    assert not (launcher.data_dir / "stack.json").exists()


def test_a_killed_launcher_leaves_no_process(launcher: Launcher) -> None:
    with launcher.running() as process:
        launcher.ready()
        children = descendants(process.pid)
        process.kill()
        process.wait()

        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
    assert len(children) == 5


def test_a_killed_service_comes_back(launcher: Launcher) -> None:
    with launcher.running() as process:
        launcher.ready()
        found = descendants(process.pid)
        os.kill(next(pid for pid, command in found.items() if "-m prompt_service" in command), signal.SIGKILL)

        until(lambda: launcher.journal.read_text().count("prompt_service started") == 2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_two_stacks_run_side_by_side_and_a_second_on_one_folder_is_refused(tmp_path: Path) -> None:
    one, other = Launcher(tmp_path / "one"), Launcher(tmp_path / "other")
    same_folder = Launcher(tmp_path / "one")

    with one.running(), other.running():
        assert one.ready().url != other.ready().url
        exit_code, said = same_folder.refused()

    assert exit_code == 2
    assert "Another stack is running" in said


def test_a_taken_port_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    one = Launcher(tmp_path / "one")

    with one.running():
        one.ready()
        exit_code, said = Launcher(tmp_path / "other", PORT=one.environment["PORT"]).refused()

    assert exit_code == 2
    assert "is taken" in said
    assert len(said.splitlines()) == 1


def test_a_service_that_cannot_start_is_shown_with_its_last_words(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "programs" / "auth_service" / "__main__.py").write_text("raise SystemExit('no such table')")

    exit_code, said = launcher.refused()

    assert exit_code == 1
    assert "no such table" in said


def test_a_stop_while_starting_is_a_clean_stop(launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "programs" / "api_gateway" / "__main__.py").write_text("import time; time.sleep(60)")

    with launcher.running() as process:
        until(lambda: "auth_service started" in launcher.journal.read_text())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

    assert process.returncode == 0
