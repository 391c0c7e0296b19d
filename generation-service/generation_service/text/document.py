"""A prompt, read once: lines, code, headings, tags, sections, and masks that keep every offset.

Masks replace what a rule must not look at with spaces, so a hit in a mask stands at the same code point in
the text. `uncoded` is the text without fenced and inline code, `prose` also without tags, placeholders and
addresses; `instructions` is `prose` without the regions that hold examples. Reading is linear: every regular
expression is bounded or stops at a delimiter.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from servicekit.normal_form import nfc

from generation_service.text.language import Language, language_of
from generation_service.text.parts_vocabulary import Part
from generation_service.text.sections import Section, Tag, example_span, find_sections, find_tags
from generation_service.text.sentences import PROMPT_ENDS, cut
from generation_service.text.variables import Placeholder, placeholders

_FENCE = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)")
_WRAPPED_SHARE = 0.8
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'（）()，。]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end; `is_code` is true inside a fence and for the fence itself."""

    start: int
    text: str
    is_code: bool

    @property
    def end(self) -> int:
        """Where the line's text ends."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of prose between two sentence ends, on one line, without surrounding blanks."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that the rules ask about a prompt. Offsets are code points of `text`, which is in NFC."""

    text: str
    language: Language
    lines: tuple[Line, ...]
    open_fence: Line | None
    tags: tuple[Tag, ...]
    sections: tuple[Section, ...]
    placeholders: tuple[Placeholder, ...]
    uncoded: str
    prose: str
    instructions: str
    examples: tuple[tuple[int, int], ...]
    sentences: tuple[Sentence, ...]

    def line_at(self, offset: int) -> Line:
        """The line that holds the offset."""
        return self.lines[bisect_right(self.lines, offset, key=lambda line: line.start) - 1]

    def is_example(self, offset: int) -> bool:
        """True when the offset lies in a region of examples."""
        return is_inside(self.examples, offset)


def read(content: str) -> Document:
    """Reads a prompt into a Document."""
    text = nfc(content)
    lines, open_fence = _read_lines(text)
    code = [(line.start, line.end) for line in lines if line.is_code]
    found = tuple(placeholders(text))
    unfenced = masked(text, code)
    inline = [match.span() for match in _INLINE_CODE.finditer(unfenced)]
    uncoded = masked(unfenced, inline)
    tags = find_tags(uncoded)
    addresses = [match.span() for match in _ADDRESS.finditer(uncoded)]
    hidden = [*addresses, *((tag.start, tag.end) for tag in tags), *((each.start, each.end) for each in found)]
    prose = masked(uncoded, sorted(hidden))
    sections = find_sections(unfenced, tags)
    examples = merged(example_span(text, section) for section in sections if Part.EXAMPLE in section.parts)
    instructions = masked(prose, examples)
    return Document(
        text=text,
        language=language_of(prose),
        lines=lines,
        open_fence=open_fence,
        tags=tags,
        sections=sections,
        placeholders=found,
        uncoded=uncoded,
        prose=prose,
        instructions=instructions,
        examples=examples,
        sentences=tuple(_sentences_of(instructions)),
    )


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with blanks in place of the spans (sorted by start), line ends kept."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        if end <= position:
            continue
        begin = max(start, position)
        hidden = text[begin:end]
        blank = " " * len(hidden) if "\n" not in hidden else re.sub(r"[^\n]", " ", hidden)
        pieces += (text[position:begin], blank)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _sentences_of(text: str) -> Iterator[Sentence]:
    """Every sentence that is not blank."""
    for start, end in cut(text, PROMPT_ENDS):
        sentence = text[start:end].strip()
        if sentence:
            yield Sentence(text.index(sentence[0], start), sentence)


def _read_lines(text: str) -> tuple[tuple[Line, ...], Line | None]:
    """Lines with their fences. A fence that never closes, and one that wraps nearly the whole text, is no
    code.
    """
    lines: list[Line] = []
    opened: tuple[int, str] | None = None
    start = 0
    for raw in text.split("\n"):
        line_text = raw.removesuffix("\r")
        fence = _FENCE.match(line_text)
        is_code = opened is not None or fence is not None
        if fence is not None:
            if opened is None:
                opened = (len(lines), fence["mark"])
            elif fence["mark"].startswith(opened[1]) and not fence["info"].strip():
                _unwrap(lines, opened[0], len(text))
                is_code = lines[opened[0]].is_code
                opened = None
        lines.append(Line(start, line_text, is_code))
        start += len(raw) + 1
    if opened is None:
        return tuple(lines), None
    first = opened[0]
    return tuple(lines[:first] + [Line(each.start, each.text, is_code=False) for each in lines[first:]]), lines[first]


def _unwrap(lines: list[Line], first: int, total: int) -> None:
    """Turns a fenced block into plain text when it is the prompt itself, pasted in a fence."""
    body = lines[first + 1 :]
    if body and (body[-1].end - body[0].start) >= _WRAPPED_SHARE * total:
        lines[first + 1 :] = [Line(each.start, each.text, is_code=False) for each in body]
        lines[first] = Line(lines[first].start, lines[first].text, is_code=False)


def is_inside(spans: tuple[tuple[int, int], ...], offset: int) -> bool:
    """True when the offset lies in one of the spans, which are sorted and apart (see `merged`)."""
    index = bisect_right(spans, offset, key=lambda span: span[0]) - 1
    return index >= 0 and offset < spans[index][1]


def merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The spans in order, with those that touch or overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
