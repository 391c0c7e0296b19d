"""A private MariaDB for one test session: its own directory, port and process, gone at the end."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pymysql

from servicekit.testing.processes import stop, tied_to_us

START_LIMIT_SECONDS = 60.0
MISSING = (
    "These tests run on MariaDB too, and no mariadbd was found. Install it: apt-get install mariadb-server "
    "(Debian, Ubuntu), dnf install mariadb-server (Fedora), brew install mariadb (macOS); or name a server "
    "in PROMPTSPHERE_TEST_MYSQL_URL=mysql://user:password@host:port. "
    "To leave it out for now: pytest --database sqlite."
)


@dataclass(frozen=True, slots=True)
class MariadbServer:
    """Where a MySQL or MariaDB server listens, with a user who may create schemas."""

    host: str
    port: int
    user: str
    password: str
    version: str = ""

    def url(self, schema: str) -> str:
        """The URL of one schema, as services take it."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        return f"mysql://{self.user}{secret}@{self.host}:{self.port}/{schema}"

    def execute(self, statement: str) -> tuple[tuple[object, ...], ...]:
        """Run one statement outside any schema, as that user, and give its rows."""
        connection = pymysql.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, autocommit=True
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return tuple(cursor.fetchall())
        finally:
            connection.close()


@contextmanager
def running_mariadb() -> Iterator[MariadbServer]:
    """Start a private MariaDB, tuned to be fast and to forget; stop and remove it at the end.

    Raises:
        FileNotFoundError: MariaDB is not installed; the message says how to install it.
        RuntimeError: it did not start; the message holds the end of its log.
    """
    daemon = _program("mariadbd")
    with tempfile.TemporaryDirectory(prefix="promptsphere-mariadb-") as name:
        folder = Path(name)
        _install(folder)
        port = _free_port()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                tied_to_us([daemon, *_options(folder, port)]),
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for pytest, which then stops us in order
            )
        try:
            server = _wait_until_ready(process, port, folder / "log")
            yield server
        finally:
            stop(process, limit_seconds=10.0)


def _program(name: str) -> str:
    # Debian keeps the daemon in sbin, which is not on everybody's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise FileNotFoundError(MISSING)
    return found


def _options(folder: Path, port: int) -> list[str]:
    options = [
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--max-connections=300",
        "--performance-schema=OFF",
        "--skip-log-bin",
        # Nothing here must survive a power cut.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=32M",
        "--innodb-fast-shutdown=2",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=8M",
    ]
    return [*options, "--user=root"] if os.geteuid() == 0 else options


def _install(folder: Path) -> None:
    command = [
        _program("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
    ]
    if os.geteuid() == 0:
        command.append("--user=root")
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, capture_output=True, text=True, check=False, timeout=START_LIMIT_SECONDS
    )
    if done.returncode != 0:
        raise RuntimeError(f"mariadb-install-db failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> MariadbServer:
    server = MariadbServer("127.0.0.1", port, "root", "")
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return _with_version(server)
        except pymysql.err.OperationalError:
            time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"mariadbd did not start on port {port}:\n{tail}")


def _with_version(server: MariadbServer) -> MariadbServer:
    ((version,),) = server.execute("SELECT VERSION()")
    return MariadbServer(server.host, server.port, server.user, server.password, str(version))


def named_server(url: str) -> MariadbServer:
    """The server at `mysql://user:password@host:port`, when there is one to test on, such as a MySQL 8."""
    parsed = urlsplit(url)
    server = MariadbServer(
        parsed.hostname or "127.0.0.1",
        parsed.port or 3306,
        unquote(parsed.username or "root"),
        unquote(parsed.password or ""),
    )
    return _with_version(server)
