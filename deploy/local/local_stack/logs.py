"""What the child processes print: all of it in files of bounded size, what matters on the terminal."""

import json
from asyncio import StreamReader
from collections import deque
from collections.abc import Callable
from pathlib import Path

MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
_TAIL_LINES = 30
_SHOWN_LEVELS = frozenset({"warning", "error", "critical"})
_OWN_FIELDS = frozenset({"event", "level", "at", "service", "logger"})


class ProcessLog:
    """The file `<name>.log` (and `<name>.log.1`, what came before) and the last lines in memory.

    Args:
        folder: where the files lie.
        name: the process, as shown on the terminal.
        show: prints one line for the person at the terminal.
    """

    def __init__(self, folder: Path, name: str, show: Callable[[str], None]) -> None:
        self._path = folder / f"{name}.log"
        self._name = name
        self._show = show
        self._is_failing = False
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    async def follow(self, stream: StreamReader) -> None:
        """Take in everything that a process prints, until it closes its end."""
        rest = b""
        while chunk := await stream.read(MAX_LINE_BYTES):
            self._store(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(rest) > MAX_LINE_BYTES:
                self._take(rest)
                rest = b""
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line[:MAX_LINE_BYTES].decode(errors="replace").rstrip()
        if not text:
            return
        self.tail.append(text)
        shown = notable(text)
        if shown is not None:
            self._show(f"[{self._name}] {shown}")

    def _store(self, chunk: bytes) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size > MAX_FILE_BYTES:
                self._path.replace(self._path.with_suffix(".log.1"))
            with self._path.open("ab") as file:
                file.write(chunk)
        except OSError as error:
            # A full disk must not stop the services too: the line is lost, and that is said once.
            if not self._is_failing:
                self._show(f"[{self._name}] its log can't be written: {error.strerror}")
            self._is_failing = True
        else:
            self._is_failing = False


def notable(line: str) -> str | None:
    """The form in which a line is shown on the terminal, or None when a file is enough.

    Our services print one JSON object a line; what isn't one is a traceback or a complaint of Python's.
    """
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        return line
    if not isinstance(event, dict):
        return line
    if event.get("level") not in _SHOWN_LEVELS:
        return None
    fields = " ".join(f"{name}={value}" for name, value in event.items() if name not in _OWN_FIELDS)
    return f"{event['level']}: {event.get('event', '')} {fields}".rstrip()
