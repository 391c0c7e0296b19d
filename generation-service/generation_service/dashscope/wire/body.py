"""A reply's body as frames, told by content and never by label: a JSON document or server-sent events."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from generation_service.dashscope.wire.sse import MalformedStream, SseEvent, SseParser, text_of_line

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class BodyReader:
    """Reads one body of whichever form.

    Args:
        max_line_bytes: longest line of an event stream.
        max_body_bytes: longest body of either form.
    """

    max_line_bytes: int
    max_body_bytes: int
    _head: bytearray = field(default_factory=bytearray)
    _events: SseParser | None = None
    _is_json: bool = False
    _total_bytes: int = 0

    @property
    def has_begun(self) -> bool:
        """True when a byte has come."""
        return self._total_bytes > 0

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """The frames that end within this chunk, to be read to the end. Raises MalformedStream after them."""
        self._total_bytes += len(chunk)
        if self._total_bytes > self.max_body_bytes:
            raise MalformedStream("the body is too long")
        if self._events is None:
            self._head += chunk
            if self._is_undecided_or_json():
                if len(self._head) > self.max_line_bytes:
                    raise MalformedStream("a line is too long")
                return
            self._events = SseParser(self.max_line_bytes)
            chunk, self._head = bytes(self._head), bytearray()
        yield from self._events.feed(chunk)

    def finish(self) -> list[SseEvent]:
        """What the end of the body completes. Raises MalformedStream."""
        if self._events is not None:
            return self._events.finish()
        if not self._is_json:
            return []
        return [SseEvent(text_of_line(bytes(self._head).removeprefix(_BOM)))]

    def _is_undecided_or_json(self) -> bool:
        if self._is_json:
            return True
        head = bytes(self._head).removeprefix(_BOM).lstrip(_BLANK)
        if not head and not _BOM.startswith(self._head):
            self._head.clear()  # blanks that keep the line warm until the document is there
            return True
        start = head[:1]
        self._is_json = start in {b"{", b"["}
        return self._is_json or not start or _BOM.startswith(head)
