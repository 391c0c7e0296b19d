"""A gateway as a process of its own, and connections on which anything can be said."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servicekit.testing.processes import stop, tied_to_us
from servicekit.testing.rpc import CREDENTIAL


@dataclass(frozen=True)
class Said:
    """One HTTP answer: all of it."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """The problem document, in order."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.headers)
        document: dict[str, Any] = json.loads(self.body)
        assert document["request_id"] == self.headers["x-request-id"] != ""
        assert document["status"] == self.status
        assert {"type", "title", "detail", "code"} <= document.keys()
        return document


def answers_in(raw: bytes) -> list[Said]:
    """The answers in what a connection brought; each has a Content-Length, or none has a body."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        found.append(Said(int(first.split()[1]), headers, rest[:size]))
        raw = rest[size:]
    return found


def talk(address: tuple[str, int], *pieces: bytes, source: str = "127.0.0.1", seconds: float = 15) -> list[Said]:
    """Send the pieces, and read until the connection is closed: what was answered.

    Raises:
        TimeoutError: the connection was not closed.
    """
    with socket.create_connection(address, seconds, (source, 0)) as connection:
        with contextlib.suppress(ConnectionError):  # an answer may come, and the end, before all is sent
            for piece in pieces:
                connection.sendall(piece)
        raw = b""
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                raw += chunk
    return answers_in(raw)


@dataclass(frozen=True)
class GatewayProcess:
    """A gateway process without services behind it."""

    process: "subprocess.Popen[bytes]"
    address: tuple[str, int]

    def rss_mib(self) -> float:
        """Its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def cpu_seconds(self) -> float:
        """The CPU time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway process that answers its probes, and 503 to what needs a service."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "credential").write_text(CREDENTIAL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        f"PROMPTSPHERE_{name}_TARGET": f"unix:{folder}/nobody.sock" for name in ("AUTH", "PROMPT", "GENERATION")
    }
    settings |= {
        "PROMPTSPHERE_SERVICE_CREDENTIAL_FILE": str(folder / "credential"),
        "PROMPTSPHERE_PORT": str(port),
        "PROMPTSPHERE_DRAIN_SECONDS": "0",
        "PROMPTSPHERE_REFRESH_BURST": "100000",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            tied_to_us([sys.executable, "-m", "api_gateway"]), env=os.environ | settings, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) != 0:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield GatewayProcess(process, ("127.0.0.1", port))
    finally:
        stop(process, limit_seconds=10)
