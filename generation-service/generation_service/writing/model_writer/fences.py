"""Taking a code fence off a streamed text that was wrapped in one, without touching fences inside it."""

import re
from dataclasses import dataclass

_WRAPPERS = frozenset({"", "markdown", "md", "text", "txt", "plaintext", "xml", "prompt"})
_OPENING = re.compile(r"\A```(?P<info>[^\n`]*)\n")
_MOST_INFO_CHARS = 20
_CLOSING = re.compile(r"(?:\A|\n)[ \t]*```[ \t]*\s*\Z")
_BEGUN_FENCE = re.compile(r"(?:\A|\n)[ \t]*`{1,2}\Z")
_FENCE_LINE = re.compile(r"^[ \t]*```", re.MULTILINE)


@dataclass(slots=True)
class FenceStripper:
    """Text in, text out: without blanks at both ends, and without a fence that wraps the whole.

    The closing fence goes only when the fences are balanced and it is the last line; when text follows it,
    everything from there on is given out as it came, so that the gates see it.
    """

    _pending: str = ""
    _has_begun: bool = False
    _is_wrapped: bool = False
    _has_given: bool = False
    _fences: int = 0
    _line: str = ""

    def feed(self, text: str) -> str:
        """The text that is now certain to belong to the prompt."""
        self._pending += text
        if not self._has_begun and not self._begin():
            return ""
        if not self._has_given:
            self._pending = self._pending.lstrip()
        certain = len(self._pending) - len(self._held())
        return self._give(certain)

    def finish(self) -> str:
        """The rest, without the closing fence and the blanks at the end."""
        if not self._has_begun:
            self._pending, rest = "", self._pending.strip()
            return rest
        rest = self._pending.rstrip()
        closing = self._line_end(_CLOSING, rest)
        fences = self._fences + len(_FENCE_LINE.findall(self._line + rest))
        if self._is_wrapped and closing and fences % 2 == 0:
            rest = rest[: closing.start()].rstrip()
        self._pending = ""
        return rest

    def _begin(self) -> bool:
        """Decide whether the text is wrapped; False while that cannot be told."""
        self._pending = self._pending.lstrip("\ufeff \t\r\n")
        head = self._pending
        if not head or "```".startswith(head):
            return False
        if head.startswith("```"):
            if "\n" not in head and len(head) <= _MOST_INFO_CHARS:
                return False
            opening = _OPENING.match(head)
            if opening and opening["info"].strip().lower() in _WRAPPERS:
                self._is_wrapped = True
                self._fences = 1
                self._pending = head[opening.end() :].lstrip()
        self._has_begun = True
        return True

    def _held(self) -> str:
        """The end of the text that may turn out to be blanks or the closing fence."""
        pending = self._pending
        stem = pending.rstrip()
        fence = self._line_end(_CLOSING, stem) if self._is_wrapped else None
        if fence is not None:
            stem = stem[: fence.start()].rstrip()
        elif self._is_wrapped:
            begun = self._line_end(_BEGUN_FENCE, stem)
            stem = stem[: begun.start()].rstrip() if begun else stem
        return pending[len(stem) :]

    def _line_end(self, pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
        """The match at the end of pending text, if it stands at the start of a line."""
        match = pattern.search(text)
        is_mid_line = match is not None and match.start() == 0 and bool(self._line) and text[0] != "\n"
        return None if is_mid_line else match

    def _give(self, size: int) -> str:
        given, self._pending = self._pending[:size], self._pending[size:]
        self._has_given = self._has_given or bool(given)
        lines = (self._line + given).split("\n")
        self._line = lines[-1]
        self._fences += sum(1 for line in lines[:-1] if _FENCE_LINE.match(line))
        return given
