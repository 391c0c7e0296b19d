"""Server-sent events, incrementally: bytes in, events out, at any split, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset({"data", "event", "id", "retry"})
_STATUS_COMMENT = "HTTP_STATUS/"


class MalformedStream(ValueError):
    """The bytes are no event stream: a line too long, bad UTF-8, an unknown field. Holds no content."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event; `http_status` comes from DashScope's `:HTTP_STATUS/429` comment."""

    data: str
    event: str = ""
    http_status: int | None = None
    is_complete: bool = True


@dataclass(slots=True)
class SseParser:
    """A parser for one stream.

    Args:
        max_line_bytes: longest line, and longest event, that is kept in memory.
    """

    max_line_bytes: int = 1024 * 1024
    _buffer: bytearray = field(default_factory=bytearray)
    _searched: int = 0
    _is_first_line: bool = True
    _skips_line_feed: bool = False
    _data: list[str] = field(default_factory=list)
    _data_bytes: int = 0
    _event: str = ""
    _status: int | None = None

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """The events that end within this chunk, to be read to the end. Raises MalformedStream after them."""
        self._buffer += chunk
        start = 0
        while (end := self._line_end(start)) is not None:
            line = bytes(self._buffer[start:end])
            start = self._after(end)
            event = self._take_line(line)
            if event is not None:
                yield event
        if start:
            del self._buffer[:start]
            self._searched = 0
        if len(self._buffer) > self.max_line_bytes:
            raise MalformedStream("a line is too long")

    def finish(self) -> list[SseEvent]:
        """What was pending when the stream ended: at most one event, marked as not complete. Never raises."""
        try:
            if self._buffer:
                self._take_line(bytes(self._buffer).rstrip(b"\r"))
        except MalformedStream:
            return []
        pending = self._dispatch(is_complete=False)
        return [] if pending is None else [pending]

    def _line_end(self, start: int) -> int | None:
        if self._skips_line_feed and start < len(self._buffer):
            # The chunk before ended in CR; a LF that comes first now belongs to it.
            self._skips_line_feed = False
            if self._buffer[start] == 0x0A:
                del self._buffer[start]
        begin = max(start, self._searched)
        feed, carriage = self._buffer.find(b"\n", begin), self._buffer.find(b"\r", begin)
        found = [at for at in (feed, carriage) if at >= 0]
        if not found:
            self._searched = len(self._buffer)
            return None
        if min(found) - start > self.max_line_bytes:
            raise MalformedStream("a line is too long")
        return min(found)

    def _after(self, end: int) -> int:
        if self._buffer[end] == 0x0D:
            if end + 1 == len(self._buffer):
                self._skips_line_feed = True
            elif self._buffer[end + 1] == 0x0A:
                return end + 2
        return end + 1

    def _take_line(self, line: bytes) -> SseEvent | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch(is_complete=True)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedStream("bad UTF-8") from None
        name, colon, value = text.partition(":")
        value = value.removeprefix(" ")
        if not name and colon:
            self._take_comment(value)
        elif name not in _FIELDS:
            raise MalformedStream("a line without a known field")
        elif name == "data":
            self._take_data(value, len(line))
        elif name == "event":
            self._event = value
        return None

    def _take_comment(self, comment: str) -> None:
        digits = comment.removeprefix(_STATUS_COMMENT)
        if digits != comment and digits.isdecimal():
            self._status = int(digits)

    def _take_data(self, value: str, size_bytes: int) -> None:
        self._data_bytes += size_bytes
        if self._data_bytes > self.max_line_bytes:
            raise MalformedStream("an event is too long")
        self._data.append(value)

    def _dispatch(self, *, is_complete: bool) -> SseEvent | None:
        data, event, status = self._data, self._event, self._status
        if not data and not (event or status is not None):
            return None
        self._data, self._data_bytes, self._event, self._status = [], 0, "", None
        return SseEvent("\n".join(data), event, status, is_complete)
