"""Taking a model's thinking off its answer: `<think>…</think>` at the start, or up to a close without its opening.

A text that itself asks for such tags is left alone: there they stand in pairs, or in the midst of a sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_TAG = re.compile(r"[<◁](?P<slash>/?)(?:(?:seed|mm):)?(?:think(?:ing)?|thoughts?)[>▷]", re.IGNORECASE)
_PARTIAL = re.compile(r"[<◁][/A-Za-z:]{0,14}\Z")
_MENTION_BEFORE = frozenset("`'\"“‘「『(（《")
_MENTION_AFTER = re.compile(
    r"""`(?!``)|['"”’」』)）》,.;:，。；：、]|[ \t]{1,4}[a-z]"""
    r"|[ \t]{0,4}(?:标[签记]|[之以][前后间内外]|[前后内中里外](?!容)|[来和与或的])"
)
_AHEAD_CHARS = 4


class Reset(Enum):
    """Says that everything given out so far was no part of the answer."""

    RESET = auto()


@dataclass(slots=True)
class ThoughtFilter:
    """Text in; text out, and `Reset.RESET` where what came before turns out to have been thought.

    Holds back at most a few characters: a tag that has begun, and a close whose surroundings are not there yet.
    """

    _pending: str = ""
    _before: str = ""
    _is_thinking: bool = False
    _has_text: bool = False
    _inline: int = 0
    _blocks: int = 0

    def feed(self, text: str) -> Iterator[str | Reset]:
        """What is certain now."""
        self._pending += text
        yield from self._take(is_end=False)

    def finish(self) -> Iterator[str | Reset]:
        """The rest; nothing of a thought that was never closed."""
        yield from self._take(is_end=True)

    def _take(self, *, is_end: bool) -> Iterator[str | Reset]:
        start = 0
        for tag in _TAG.finditer(self._pending):
            if not is_end and tag.end() + _AHEAD_CHARS > len(self._pending):
                yield from self._give(start, tag.start())
                self._pending = self._pending[tag.start() :]
                return
            yield from self._give(start, tag.start())
            start = tag.end() if self._opens_or_closes(tag) else tag.start()
            if start == tag.start():
                yield from self._give(start, tag.end())
            elif not self._is_thinking and self._has_text:
                self._has_text = False
                yield Reset.RESET
            start = tag.end()
        partial = None if is_end else _PARTIAL.search(self._pending, max(start, len(self._pending) - 16))
        end = partial.start() if partial else len(self._pending)
        yield from self._give(start, end)
        self._pending = self._pending[end:]

    def _give(self, start: int, end: int) -> Iterator[str]:
        text = self._pending[start:end]
        if not text:
            return
        self._before = text[-1]
        if not self._is_thinking:
            self._has_text = self._has_text or not text.isspace()
            yield text

    def _opens_or_closes(self, tag: re.Match[str]) -> bool:
        """True when the tag bounds a thought of the model; False when it is part of the text."""
        after = self._pending[tag.end() : tag.end() + _AHEAD_CHARS]
        if self._is_thinking:
            if tag["slash"]:
                self._is_thinking, self._inline, self._blocks = False, 0, 0
            return True
        is_own_line = self._before in {"", "\n"} and (not after or after[0] in "\r\n")
        if not tag["slash"]:
            if not self._has_text:
                self._is_thinking = True
                return True
            is_block = self._before == "\n" or after[:1] in {"", "\r", "\n"}
            self._blocks, self._inline = self._blocks + is_block, self._inline + (not is_block)
            return False
        return self._is_stray(is_own_line=is_own_line, after=after)

    def _is_stray(self, *, is_own_line: bool, after: str) -> bool:
        """True for a close that belongs to no opening; one on a line of its own only answers an opening like it."""
        if self._blocks:
            self._blocks -= 1
            return False
        if self._inline and not is_own_line:
            self._inline -= 1
            return False
        if self._before in _MENTION_BEFORE or _MENTION_AFTER.match(after):
            return False
        self._inline = 0
        return True


def without_thoughts(text: str) -> str:
    """The answer without the thinking before it; empty when a thought never ends."""
    thoughts = ThoughtFilter()
    pieces: list[str] = []
    for piece in (*thoughts.feed(text), *thoughts.finish()):
        if piece is Reset.RESET:
            pieces.clear()
        else:
            pieces.append(str(piece))
    return "".join(pieces)
