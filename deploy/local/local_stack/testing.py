"""Whole stacks for tests: started by the launcher as a user starts them, with people who use them."""

import asyncio
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pymysql
import redis
from pymysql.cursors import DictCursor

from local_stack.demo.client import MAX_LINE_BYTES, Client, Json
from local_stack.settings import read_settings

START_SECONDS = 90.0
STOP_SECONDS = 45.0
SCHEMAS = ("promptsphere_auth", "promptsphere_prompt", "promptsphere_generation")
PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist in tests only


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
        while not (self.data_dir / "stack.json").exists():
            if self.launcher.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the stack did not start:\n{self.log()[-4000:]}")
            time.sleep(0.05)
        self.environment["PORT"] = self.url.rpartition(":")[2]

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
            with closing(sqlite3.connect(f"file:{self.data_dir / service}.db?mode=ro", uri=True)) as connection:
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
            return list(cursor.fetchall())


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


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person, and a client that acts as them."""

    client: Client
    tokens: Json
    email: str

    @property
    def workspace_id(self) -> str:
        """Their personal workspace."""
        return str(self.tokens["workspace"]["id"])

    async def prompt(self, content: str = "你好 {{ name }}", *, name: str | None = None) -> Json:
        """A new prompt with one version."""
        body = {"name": name or f"p{secrets.token_hex(6)}", "content": content}
        return (await self.client.expect(201, "POST", "/api/v1/prompts", body)).body

    async def api_key(self, *scopes: str) -> str:
        """A new key's secret."""
        body = {"name": "test", "scopes": list(scopes)}
        return str((await self.client.expect(201, "POST", "/api/v1/api-keys", body)).body["key"])

    async def frames(self, run_id: str, *, after: str = "") -> AsyncIterator[str]:
        """The raw frames of a run's event stream as they come, comments left out."""
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        if after:
            headers["Last-Event-ID"] = after
        url = f"{self.client.url}/api/v1/runs/{run_id}/events"
        session = aiohttp.ClientSession(read_bufsize=MAX_LINE_BYTES)
        async with session, session.get(url, headers=headers) as response:
            if response.status == 204:
                return
            response.raise_for_status()
            frame = ""
            async for line in response.content:
                frame += line.decode()
                if frame.endswith("\n\n"):
                    if not frame.startswith(":"):
                        yield frame
                    frame = ""

    async def replay(self, run_id: str, *, after: str = "") -> list[str]:
        """The frames of a run to its end, from the beginning or after an event's id."""
        return [frame async for frame in self.frames(run_id, after=after)]


def event_id(frame: str) -> str:
    """The id of the event in a frame."""
    return frame.partition("\n")[0].removeprefix("id: ")


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


async def register(url: str, *, name: str = "测试员") -> Person:
    """A new person; close their client afterwards."""
    client = Client(url, language="en")
    email = f"{secrets.token_hex(8)}@example.com"
    body = {"email": email, "password": PASSWORD, "display_name": name}
    answer = await client.expect(201, "POST", "/api/v1/auth/register", body)
    client.access_token = answer.body["access_token"]
    return Person(client, answer.body, email)
