"""Rules about size and shape.

- `empty` (error): nothing but white space.
- `too-short` (warning): fewer than 24 units, where a Han character is one unit and a Latin word two.
- `too-long` (warning): more than 20 000 code points, or more than 256 KiB of UTF-8.
- `over-token-limit` (error): the estimate of `tokens` is over the `token_limit` that the caller gave.
- `unclosed-tag` (warning): a fence that never closes; an opening tag that begins its line, or stands right
  before a variable, and has no closing tag; a closing tag that begins or ends its line and has no opening
  tag. Tags in code, void HTML tags, and tags that are merely mentioned inside a sentence don't count.
- `heading-skip` (info): a Markdown heading more than one level deeper than the heading before it.
- `language-mismatch` (warning): the prompt is written in another language than the one asked for; or, in a
  prompt of one language, at least two whole lines of the other that make a quarter or more of it. Code,
  examples, names of tags, and short headings don't count.
"""

from collections.abc import Iterator

from generation_service.lint.values import MAX_CONTENT_BYTES, Expectations, Hit
from generation_service.text.document import Document
from generation_service.text.language import count_units, language_of_line
from generation_service.text.sections import Tag
from generation_service.text.tokens import estimate_tokens

LEAST_UNITS = 24
MOST_CHARS = 20_000
_LEAST_UNITS_TO_JUDGE = 7
_LEAST_FOREIGN_LINES = 2


def empty(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt has no visible character."""
    if not document.text.strip():
        yield Hit()


def too_short(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt can hardly say what it wants."""
    if units(document.text) < LEAST_UNITS and document.text.strip():
        yield Hit(end=len(document.text))


def units(text: str) -> int:
    """How much a text says: a Han character is one unit, a Latin word two."""
    han, words = count_units(text)
    return han + 2 * words


def too_long(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt is longer than a model follows reliably, or than we store."""
    length = len(document.text)
    if len(document.text.encode("utf-8", "surrogatepass")) > MAX_CONTENT_BYTES:
        yield Hit(end=length, variant="bytes", values={"limit": MAX_CONTENT_BYTES // 1024})
    elif length > MOST_CHARS:
        yield Hit(start=MOST_CHARS, end=length, values={"length": length, "limit": MOST_CHARS})


def over_token_limit(document: Document, expectations: Expectations) -> Iterator[Hit]:
    """The prompt needs more tokens than it may have."""
    limit = expectations.token_limit
    if limit is None:
        return
    estimate = estimate_tokens(document.text)
    if estimate > limit:
        yield Hit(end=len(document.text), values={"estimate": estimate, "limit": limit})


def unclosed_tag(document: Document, _: Expectations) -> Iterator[Hit]:
    """A fence or a tag is open at the end, or closed without having been opened."""
    if document.open_fence is not None:
        yield Hit(document.open_fence.start, document.open_fence.end, variant="fence")
    for tag in document.tags:
        if tag.partner is None and _is_structural(document, tag):
            variant = "closing" if tag.is_closing else ""
            yield Hit(tag.start, tag.end, variant=variant, values={"name": tag.name})


def _is_structural(document: Document, tag: Tag) -> bool:
    line = document.line_at(tag.start)
    before = document.text[max(line.start, tag.start - 80) : tag.start].strip()
    after = document.text[tag.end : min(line.end, tag.end + 80)].strip()
    if tag.is_closing:
        return not before or not after
    if not tag.name.isascii():  # `<标题>` is how Chinese templates mark a slot, not a tag
        return after.startswith("{{")
    return after.startswith("{{") or (not before and not after)


def heading_skip(document: Document, _: Expectations) -> Iterator[Hit]:
    """A heading is deeper than its predecessor by more than one level."""
    previous = 0
    for section in document.sections:
        if section.level == 0 or document.is_example(section.start):
            continue
        if previous and section.level > previous + 1:
            values = {"level": section.level, "expected": previous + 1}
            yield Hit(section.start, section.body_start, values=values)
        previous = section.level


def language_mismatch(document: Document, expectations: Expectations) -> Iterator[Hit]:
    """The prompt isn't in the language asked for, or changes language half-way."""
    wanted = expectations.language or document.language
    if not document.prose.strip():
        return
    if wanted != document.language and sum(count_units(document.prose)) >= _LEAST_UNITS_TO_JUDGE:
        yield Hit(end=len(document.text))
        return
    foreign = 0
    foreign_lines: list[tuple[int, int]] = []
    total = 0
    for line_start, text in _lines_of(document.instructions):
        weight = sum(count_units(text))
        total += weight
        if language_of_line(text) not in {wanted, None}:
            foreign += weight
            foreign_lines.append((line_start, line_start + len(text)))
    if len(foreign_lines) >= _LEAST_FOREIGN_LINES and 4 * foreign >= total:
        yield Hit(*foreign_lines[0], variant="mixed")


def _lines_of(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1
