"""Cutting text into sentences: one cutter, and the ends that its three readers go by.

A description is cut at each thing that it asks for, a prompt is judged sentence by sentence, and a quote from a
prompt is as long as its author would quote it; so what ends a sentence differs, and stands here side by side.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]
"""[start, end) in code points."""

DESCRIPTION_ENDS = re.compile(
    r"[。！？；;!?]+|(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)(?<!excl)(?<!incl)(?<!approx)(?<!max)"
    r"(?<!min)(?<!\bMr)(?<!\bDr)(?<!\bMs)(?<!\b[A-Z])\.(?=\s|$)"
)
"""A description's demands; the full stop of an abbreviation ends none."""

PROMPT_ENDS = re.compile(r"[。！？；!?;\n]|\.(?![^\s。])")
"""A prompt's sentences; a line end is one, a full stop inside a number or a name is none."""

QUOTE_ENDS = re.compile(r"[。！？!?\n]")
"""What is quoted whole: parts between semicolons belong together, English keeps its line."""

_OPENINGS = re.compile(r"[“「《（(\"`]|\{\{")
_CLOSINGS = {
    "“": ("”", 400),
    "「": ("」", 400),
    "《": ("》", 200),
    "（": ("）", 400),
    "(": (")", 400),
    '"': ('"', 400),
    "`": ("`", 400),
}
"""What closes each bracket, and how many code points may stand inside; on one line."""

_SLOT = re.compile(r"\{\{[^{}\n]{0,80}\}\}")


def cut(
    text: str, ends: re.Pattern[str], start: int = 0, end: int | None = None, *, protected: Sequence[Span] = ()
) -> Iterator[Span]:
    """The sentences of [start, end), each with its end mark; an end mark alone is none.

    Args:
        text: any text.
        ends: what ends a sentence, one of the patterns above.
        start: where to begin.
        end: where to stop; None: at the end of the text.
        protected: spans, in order and apart, within which nothing is cut.
    """
    stop = len(text) if end is None else end
    begin = start
    for match in outside(ends.finditer(text, start, stop), protected):
        if match.start() > begin:
            yield begin, match.end()
        begin = match.end()
    if begin < stop:
        yield begin, stop


def outside(matches: Iterable[re.Match[str]], spans: Sequence[Span]) -> Iterator[re.Match[str]]:
    """Those of the matches, in order, that don't begin inside one of the spans, which are in order and apart."""
    index = 0
    for match in matches:
        while index < len(spans) and spans[index][1] <= match.start():
            index += 1
        if index == len(spans) or match.start() < spans[index][0]:
            yield match


def bracketed(text: str, start: int, end: int) -> list[Span]:
    """The quotations and brackets within which a description is not cut.

    Linear: what closes a bracket is looked for in the next 400 code points at most, without a regular expression.
    """
    spans: list[Span] = []
    position = start
    while (opening := _OPENINGS.search(text, position, end)) is not None:
        position = _bracket_end(text, opening, end)
        if position > opening.start() + 1:
            spans.append((opening.start(), position))
    return spans


def _bracket_end(text: str, opening: re.Match[str], end: int) -> int:
    """Where the bracket ends; right behind its first character when it never does."""
    start = opening.start()
    if opening[0] == "{{":
        slot = _SLOT.match(text, start, end)
        return slot.end() if slot else start + 1
    closing, most_chars = _CLOSINGS[opening[0]]
    at = text.find(closing, start + 1, min(end, start + 2 + most_chars))
    return at + 1 if at >= 0 and "\n" not in text[start:at] else start + 1
