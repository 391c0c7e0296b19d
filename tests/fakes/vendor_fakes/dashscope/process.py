"""The fake as a process of its own, for tests whose product runs in other processes too."""

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from vendor_fakes.dashscope.answers.recorded import Recorded
from vendor_fakes.dashscope.faults import Fault
from vendor_fakes.dashscope.journal import RequestRecord

_TIMEOUT_SECONDS = 10.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class FakeProcess:
    """A fake that listens elsewhere, steered by its control API."""

    base_url: str
    control_url: str

    def script(self, *faults: Fault, model: str = "") -> None:
        """Let these faults strike the next requests, in order; those for `model` alone when one is named."""
        entries = [_as_json(fault) for fault in faults]
        self._send("POST", "/faults", {"models": {model: entries}} if model else {"queue": entries})

    def always(self, fault: Fault, *, model: str) -> None:
        """Let this fault strike every request for the model until the next reset."""
        self._send("POST", "/faults", {"always": {model: _as_json(fault)}})

    def remember(self, recorded: Recorded) -> None:
        """Let calls about this description get these answers until the next reset."""
        self._send("POST", "/recordings", recorded.as_json())

    def reset(self) -> None:
        """Forget every script, every recording and the log."""
        self._send("POST", "/reset", {})

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request since the last reset, oldest first."""
        return [RequestRecord(**item) for item in self._send("GET", "/requests", {})["items"]]

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        parts = urlsplit(self.control_url)
        with closing(http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request(method, parts.path + path, orjson.dumps(body))
            answer = connection.getresponse()
            content: dict[str, Any] = orjson.loads(answer.read())
        if answer.status != 200:
            raise ValueError(f"{method} {path}: {content}")
        return content


@contextmanager
def running_process() -> Iterator[FakeProcess]:
    """A fake on any free port, ended with the context."""
    process = subprocess.Popen([sys.executable, "-m", "vendor_fakes.dashscope", "--port", "0"], stdout=subprocess.PIPE)
    try:
        if process.stdout is None:
            raise RuntimeError("asked for a pipe and got none")
        with process.stdout:
            yield FakeProcess(**orjson.loads(process.stdout.readline()))
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _as_json(fault: Fault) -> dict[str, Any]:
    entries = {name: getattr(fault, name) for name in fault.__dataclass_fields__}
    return {name: value for name, value in entries.items() if value is not None and value != b""}
