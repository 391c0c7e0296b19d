"""The prompt out of an answer as it streams: without the thinking, the sentences and the fence around it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from generation_service.text.thoughts import Reset, ThoughtFilter
from generation_service.writing.model_writer.wrappings import (
    is_edge,
    is_opening_known,
    is_wrapping_fence,
    may_close,
    opening_of,
    unwrapped,
)

MOST_HELD_CHARS = 1024
"""Most text that waits before it is given out: the first lines, or a last paragraph."""

_BLANKS = "\ufeff \t\r\n"


@dataclass(slots=True)
class Unwrapper:
    """Text in; text out, and `Reset.RESET` where what was given before was no part of the prompt.

    What is given since the last reset, joined, is `unwrapped` of the whole answer without its thinking: the end
    compares the two and, should they differ, resets and gives the whole anew.
    """

    _thoughts: ThoughtFilter = field(default_factory=ThoughtFilter)
    _answer: list[str] = field(default_factory=list)
    _given: list[str] = field(default_factory=list)
    _pending: str = ""
    _has_begun: bool = False

    def feed(self, text: str) -> Iterator[str | Reset]:
        """What is now likely to belong to the prompt."""
        yield from self._take(self._thoughts.feed(text))

    def finish(self) -> Iterator[str | Reset]:
        """The rest of the prompt, or all of it once more."""
        yield from self._take(self._thoughts.finish())
        prompt, given = unwrapped("".join(self._answer)), "".join(self._given)
        if not prompt.startswith(given):
            yield Reset.RESET
            given = ""
        if len(prompt) > len(given):
            yield prompt[len(given) :]

    def _take(self, pieces: Iterator[str | Reset]) -> Iterator[str | Reset]:
        for piece in pieces:
            if isinstance(piece, Reset):
                self._answer.clear()
                self._pending, self._has_begun = "", False
                if self._given:
                    self._given.clear()
                    yield Reset.RESET
                continue
            self._answer.append(piece)
            self._pending += piece
            if self._has_begun or self._begin():
                yield from self._give()

    def _begin(self) -> bool:
        """Pass the lines before the prompt; False while they cannot be told from its first line."""
        self._pending = self._pending.lstrip(_BLANKS)
        if not is_opening_known(self._pending) and len(self._pending) <= MOST_HELD_CHARS:
            return False
        rest = self._pending[opening_of(self._pending, is_end=False).at :]
        line, end, below = rest.partition("\n")
        self._pending = below.lstrip(_BLANKS) if end and is_wrapping_fence(line) else rest
        self._has_begun = True
        return True

    def _give(self) -> Iterator[str]:
        text = self._pending[: len(self._pending) - self._held()]
        if text:
            self._pending = self._pending[len(text) :]
            self._given.append(text)
            yield text

    def _held(self) -> int:
        """How many characters at the end may turn out to be wrapping."""
        tail = self._pending[-MOST_HELD_CHARS:]
        lines = tail.split("\n")
        edges = _edges(lines)
        start = edges
        while start > 0 and not is_edge(lines[start - 1]):
            start -= 1
        if start > 0 and may_close("\n".join(lines[start:edges])):
            edges = _edges(lines[:start])  # a last paragraph, and the edge above it
        if edges == 0:
            return len(tail)
        kept = "\n".join(lines[:edges]).rstrip(_BLANKS)
        return len(tail) - len(kept)


def _edges(lines: list[str]) -> int:
    """Where the lines at the end begin that are blank, a rule or a fence."""
    at = len(lines)
    while at > 0 and is_edge(lines[at - 1]):
        at -= 1
    return at
