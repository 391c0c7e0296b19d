"""`make bench`: the product's hot reads against a bare FastAPI route, in turns, in one run.

An absolute figure says little on a shared machine: what counts is the ratio and its spread over the rounds. The load
is a closed loop of connections kept alive, from this process, on the same machine.
"""
# ruff: noqa: T201, S310 - it prints a table, and asks addresses of its own making

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local_stack.data_dir import find_running
from local_stack.servers import free_port

CONNECTIONS = 16
ROUNDS = 5
ROUND_SECONDS = 3.0
START_LIMIT_SECONDS = 90.0
CONTENT = "You are a patient support agent. " * 50


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to measure: requests of this kind, all alike, each to be answered by `status`."""

    name: str
    url: str
    headers: Mapping[str, str]
    status: int = 200


def main() -> int:
    """Print a table; the exit code is 0 when every answer was as expected."""
    with tempfile.TemporaryDirectory() as folder, bare_app() as floor_url, stack(Path(folder)) as stack_url:
        floor = Target("bare FastAPI", floor_url, {})
        targets = [floor, *product_targets(stack_url)]
        rates: dict[str, list[float]] = {target.name: [] for target in targets}
        for target in targets:
            asyncio.run(measure(target, seconds=1.0))  # caches fill, code paths warm up
        for _ in range(ROUNDS):
            for target in targets:
                rates[target.name].append(asyncio.run(measure(target, seconds=ROUND_SECONDS)))
    print(f"{'':34}{'requests/s':>12}{'x bare':>9}{'spread':>17}")
    for name, measured in rates.items():
        ratios = [rate / base for rate, base in zip(measured, rates[floor.name], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name:34}{statistics.median(measured):12.0f}{statistics.median(ratios):9.2f}{spread:>17}")
    return 0


def product_targets(url: str) -> list[Target]:
    """Make a prompt with a label and a key that may fetch it, and name the reads to measure."""
    email = f"bench-{time.time_ns()}@example.com"
    person = {"email": email, "password": "a long enough password", "display_name": "Bench"}
    token = call(f"{url}/api/v1/auth/register", person)["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    prompt = call(f"{url}/api/v1/prompts", {"name": "support/agent", "content": CONTENT}, signed_in)
    label = f"{url}/api/v1/prompts/{prompt['id']}/labels/production"
    call(label, {"version": 1}, signed_in, method="PUT")
    key = call(f"{url}/api/v1/api-keys", {"name": "bench", "scopes": ["deliver"]}, signed_in)["key"]
    fetching = {"Authorization": f"Bearer {key}"}
    delivery = f"{url}/api/v1/delivery/support/agent?label=production"
    with urllib.request.urlopen(urllib.request.Request(delivery, headers=fetching)) as answer:
        known = {**fetching, "If-None-Match": answer.headers["ETag"]}
    return [
        Target("delivery by label, API key", delivery, fetching),
        Target("delivery, not modified", delivery, known, status=304),
        Target("GET /prompts/{id}, signed in", f"{url}/api/v1/prompts/{prompt['id']}", signed_in),
    ]


def call(url: str, body: object, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> dict[str, str]:
    """Send JSON, and give the JSON that comes back."""
    told = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), told, method=method)
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))


async def measure(target: Target, *, seconds: float) -> float:
    """Requests answered per second.

    Raises:
        RuntimeError: an answer had another status; a refusal is quick and would look like speed.
    """
    deadline = time.perf_counter() + seconds
    began = time.perf_counter()
    counts = await asyncio.gather(*(client(target, deadline) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def client(target: Target, deadline: float) -> int:
    """One connection, one request after the other."""
    parts = urlsplit(target.url)
    headers = {"Host": parts.netloc, **target.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    path = f"{parts.path or '/'}?{parts.query}".rstrip("?")
    request = f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    count = 0
    while time.perf_counter() < deadline:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        if status != target.status:
            raise RuntimeError(f"{target.name} was answered by {status}, not {target.status}")
        if status != 304:
            await reader.readexactly(content_length(answer))
        count += 1
    writer.close()
    return count


def content_length(head: bytes) -> int:
    """The length of the body that follows."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise RuntimeError("an answer without Content-Length can't be measured here")


@contextmanager
def bare_app() -> Iterator[str]:
    """The floor, served as the gateway is."""
    port = free_port()
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-proxy-headers"]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent), *options, "bare_app:app"]
    with subprocess.Popen([*command, "--log-level", "warning"]) as process:
        try:
            url = f"http://127.0.0.1:{port}/"
            wait_until_answered(url)
            yield url
        finally:
            process.terminate()


@contextmanager
def stack(folder: Path) -> Iterator[str]:
    """A stack of its own with no rate limit in the way, on SQLite."""
    unlimited = {"PROMPTSPHERE_RATE_PER_SECOND": "1000000", "PROMPTSPHERE_RATE_BURST": "1000000"}
    chosen = {"PORT": str(free_port()), "DATA_DIR": str(folder / "data"), "ENGINE": "rules"}
    command = [sys.executable, "-m", "local_stack", "run"]
    with subprocess.Popen(command, env={**os.environ, **unlimited, **chosen}, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_LIMIT_SECONDS
            while (running := find_running(folder / "data")) is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the stack did not start; `make run` says why")
                time.sleep(0.1)
            yield running.url
        finally:
            process.terminate()


def wait_until_answered(url: str) -> None:
    """Return when somebody answers there."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
