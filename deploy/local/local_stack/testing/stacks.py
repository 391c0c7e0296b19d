"""A whole stack: started by the launcher as a user starts it, looked into, killed, stopped."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pymysql
import redis
from pymysql.cursors import DictCursor

from local_stack.demo.client import Json
from local_stack.settings import read_settings

START_SECONDS = 90.0
STOP_SECONDS = 45.0
SCHEMAS = ("promptsphere_auth", "promptsphere_prompt", "promptsphere_generation")


@dataclass(slots=True)
class StackProcess:
    """One stack under the launcher, on a folder of its own.

    Attributes:
        data_dir: where its data and logs lie.
        environment: the launcher's settings.
        launcher: the process, once started.
    """

    data_dir: Path
    environment: dict[str, str]
    launcher: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it and wait until it is ready; after the first time on the same port again.

        Raises:
            AssertionError: it does not come up; with the launcher's last words.
        """
        with (self.data_dir / "launcher.log").open("ab") as log:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "local_stack", "run"],
                env=os.environ | {"DATA_DIR": str(self.data_dir)} | self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_announced():
            if self.launcher.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the stack did not start:\n{self.log()[-4000:]}")
            time.sleep(0.05)
        self.environment["PORT"] = self.url.rpartition(":")[2]

    def _is_announced(self) -> bool:
        file = self.data_dir / "stack.json"
        # A launcher that was killed leaves its own behind.
        return file.exists() and json.loads(file.read_text(encoding="utf-8"))["pid"] == self.launcher.pid

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C does; the launcher's exit code."""
        self.launcher.send_signal(signal.SIGTERM)
        return self.launcher.wait(STOP_SECONDS)

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return str(json.loads((self.data_dir / "stack.json").read_text(encoding="utf-8"))["url"])

    @property
    def sockets(self) -> Path:
        """Where the services' and Redis' sockets are."""
        return Path(json.loads((self.data_dir / "stack.lock").read_text(encoding="utf-8"))["sockets"])

    def log(self) -> str:
        """All that the launcher said."""
        return (self.data_dir / "launcher.log").read_text(encoding="utf-8", errors="replace")

    def pids(self, module: str) -> list[int]:
        """The launcher's children with this module or program in their command."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
                command = (status.parent / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.launcher.pid and module.encode() in command:
                found.append(int(status.parent.name))
        return found

    def kill(self, module: str) -> None:
        """End that one process without a word."""
        (pid,) = self.pids(module)
        os.kill(pid, signal.SIGKILL)

    def flush_redis(self) -> None:
        """Let Redis forget everything."""
        with redis.Redis(unix_socket_path=str(self.sockets / "redis.sock")) as client:
            client.flushall()

    def rows(self, service: str, statement: str, *values: str) -> list[Json]:
        """What a service (`auth`, `prompt`, `generation`) has in its database; a `?` for each value."""
        account = read_settings(self.environment).mysql
        if account is None:
            with closing(
                sqlite3.connect(f"file:{quote(str(self.data_dir / service))}.db?mode=ro", uri=True)
            ) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(statement, values)]
        with (
            closing(
                pymysql.connect(
                    host=account.host,
                    port=account.port,
                    user=account.user,
                    password=account.password,
                    database=f"promptsphere_{service}",
                    cursorclass=DictCursor,
                )
            ) as mysql,
            mysql.cursor() as cursor,
        ):
            cursor.execute(statement.replace("?", "%s"), values)
            return [{name: _text(value) for name, value in row.items()} for row in cursor.fetchall()]


@contextmanager
def running_stack(data_dir: Path, **environment: str) -> Iterator[StackProcess]:
    """A stack that is ready inside, and has stopped in order afterwards."""
    stack = StackProcess(data_dir, {"PORT": "0", "ENGINE": "rules"} | environment)
    stack.start()
    try:
        yield stack
    finally:
        if stack.launcher.poll() is None:
            code = stack.stop()
            if code != 0:
                raise AssertionError(f"the launcher ended with {code}:\n{stack.log()[-4000:]}")


def _text(value: object) -> object:
    """Byte-exact names come from MySQL as bytes."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


async def until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Wait for a condition that no event announces.

    Raises:
        TimeoutError: it did not come true in time.
    """
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)
