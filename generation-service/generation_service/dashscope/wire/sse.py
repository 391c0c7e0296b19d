"""Server-sent events, incrementally: bytes in, events out, at any split, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset({b"data", b"event", b"id", b"retry"})
_ERROR_LINES = (b'{"error"', b'{"errors"', b'{"object":"error"')
_STATUS_COMMENT = "HTTP_STATUS/"
_STATUS_DIGITS = 3
_DONE = "[DONE]"


class MalformedStream(ValueError):
    """The bytes are no event stream: a line too long, bad UTF-8, not one known field. Holds no content."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event; `http_status` comes from DashScope's `:HTTP_STATUS/429` comment."""

    data: str
    event: str = ""
    http_status: int | None = None
    is_complete: bool = True


@dataclass(slots=True)
class SseParser:
    """A parser for one stream. Unknown fields are ignored, as the standard asks; a body of nothing else is refused.

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
    _has_known_line: bool = False
    _has_unknown_line: bool = False

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
        """What was pending when the stream ended, the last event marked as not complete.

        Raises:
            MalformedStream: not one line was one of an event stream.
        """
        events: list[SseEvent] = []
        try:
            if self._buffer and not _is_begun_field(self._buffer):
                early = self._take_line(bytes(self._buffer).rstrip(b"\r"))
                events += [early] if early is not None else []
        except MalformedStream:
            return []
        if self._has_unknown_line and not self._has_known_line:
            raise MalformedStream("no event stream")
        pending = self._dispatch(is_complete=False)
        return events if pending is None else [*events, pending]

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
        name, colon, raw = line.partition(b":")
        raw = raw.removeprefix(b" ")
        name = name.strip().lower()
        if line.startswith(_ERROR_LINES):  # an error that was put into the stream without a frame
            name, raw = b"error", line
        if not name and colon:
            self._has_known_line = True
            self._take_comment(raw.decode("utf-8", "replace"))
        elif name == b"data":
            self._has_known_line = True
            return self._take_data(text_of_line(raw), len(line))
        elif name == b"event":
            self._has_known_line = True
            self._event = text_of_line(raw)
        elif name == b"error":  # llama.cpp once made a field of it
            self._has_known_line = True
            before = self._dispatch(is_complete=True)
            self._event = "error"
            self._take_data(text_of_line(raw), len(line))
            return before
        elif name in _FIELDS:
            self._has_known_line = True
        else:
            self._has_unknown_line = True
        return None

    def _take_comment(self, comment: str) -> None:
        digits = comment.removeprefix(_STATUS_COMMENT)
        if digits != comment and digits.isascii() and digits.isdigit() and len(digits) == _STATUS_DIGITS:
            self._status = int(digits)

    def _take_data(self, value: str, size_bytes: int) -> SseEvent | None:
        """Add a line; the event before it, where the blank line between two whole documents was lost."""
        before = None
        is_new = value.startswith("{") or value.strip() == _DONE
        if is_new and len(self._data) == 1 and self._data[0].startswith("{") and self._data[0].rstrip().endswith("}"):
            before = self._dispatch(is_complete=True)
        self._data_bytes += size_bytes
        if self._data_bytes > self.max_line_bytes:
            raise MalformedStream("an event is too long")
        self._data.append(value)
        return before

    def _dispatch(self, *, is_complete: bool) -> SseEvent | None:
        data, event, status = self._data, self._event, self._status
        if not data and not (event or status is not None):
            return None
        self._data, self._data_bytes, self._event, self._status = [], 0, "", None
        return SseEvent("\n".join(data), event, status, is_complete)


def _is_begun_field(line: bytearray) -> bool:
    """True for the beginning of a field's name, which is a cut and not an unknown field."""
    return any(name.startswith(line) for name in _FIELDS)


def text_of_line(raw: bytes) -> str:
    """The text of some bytes; halves of surrogate pairs that were written as if they were characters pass.

    Raises:
        MalformedStream: it is no UTF-8 even so.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise MalformedStream("bad UTF-8") from None
