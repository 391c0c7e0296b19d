"""Rules about how rules are worded. They read `instructions` only: no code, no examples, no placeholders.

- `vague-word` (warning): a word of `vague_words.toml` ("尽量", "适当", "一些", "maybe", "try to" …). Not
  when quoted, not in a sentence that forbids such words, not in a condition ("如果…一些…，"), not when
  negated ("不适当", "do not try to").
- `duplicate-rule` (info): the same sentence or list item twice, but for case, punctuation, numbering and
  modal words ("必须", "请", "always", "please"); at least 6 Han characters or 4 words.
- `negative-only` (info): a list of three or more items which all say what not to do, with no alternative
  ("而是", "改为", "instead", "请", a second clause that isn't negative), unless its heading announces
  prohibitions ("禁止", "Do not").
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

from generation_service.lint.values import Expectations, Hit
from generation_service.text.data_tables import load_table, texts_of
from generation_service.text.document import Document
from generation_service.text.language import count_units
from generation_service.text.parts_vocabulary import Part
from generation_service.text.phrases import phrase

_QUOTES = frozenset("“”\"'‘’「」『』`《》")
# Ends of a clause that turn the vague word round ("不适当", "do not try to") or ask for the kind ("what kind of").
_NEGATED_BEFORE = re.compile(r"(?:不|非|无需|不必|not|n't|never|without|what|which)\s*$", re.IGNORECASE)
# A rule against vague words names them.
_ABOUT_WORDS = re.compile(
    r"(?:避免|不要|禁止|不得|不用|不使用|杜绝)[^。；\n]{0,20}(?:词|措辞|表述|字眼|说法|用语|语言)"
    r"|(?:avoid|do not use|don't use|never use|no)\b[^.;\n]{0,40}\b(?:words?|phrases?|phrasing|language"
    r"|wording|hedg\w+|terms?|qualifiers?)\b",
    re.IGNORECASE,
)
_CLAUSE_ENDS = "，,。！？；!?;：:\n"
_CONDITION = re.compile(r"^\W*(?:如果|若|当|假如|一旦|遇到|if|when|whenever|unless|in case)", re.IGNORECASE)
_NEAR_CHARS = 60
_LEAST_HAN, _LEAST_WORDS = 6, 4
_LEAST_ITEMS = 3
_NEAR_SECTIONS = 20
_MODAL = re.compile(
    r"必须|务必|一定要|一定|需要|应当|应该|应|请|要|始终|总是|都|\b(?:always|please|must|should|you"
    r"|make sure to|be sure to|need to)\b",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^\W*(?:\d{1,3}[.、)）]|[一二三四五六七八九十]{1,3}[、.])")
_LOOSE = re.compile(r"[\W_]+")
_ITEM = re.compile(r"^[ \t]*(?:[-*•+]|\d{1,3}[.、)）])[ \t]*(?P<body>\S[^\n]*)$", re.MULTILINE)
_NEGATIVE = phrase(
    r"^\W*(?:(?:你|您|请|绝对|绝|一律|严格|也|都|you\b|please\b)\s*)*(?:不要|不得|不能|不可|不应|不许|不准"
    r"|不允许|禁止|严禁|切勿|请勿|勿|别|避免|杜绝|不(?!确定|清楚|知道|足|超过|少于)"
    r"|never\b|do not\b|don't\b|must not\b|should not\b|shouldn't\b|can(?: )?not\b|can't\b|may not\b|avoid\b"
    r"|no\b|refrain\b)",
)
_ALTERNATIVE = re.compile(
    r"而是|改为|改用|应|请|必须|只能|而应|代之|直接|\b(?:instead|rather|but|only|must|should|say|ask"
    r"|reply)\b",
    re.IGNORECASE,
)


def vague_word(document: Document, _: Expectations) -> Iterator[Hit]:
    """A word that leaves the model to guess how much or whether."""
    text = document.instructions
    for match in _vague_words().finditer(text):
        before = _clause_before(text, match.start())
        around = text[max(0, match.start() - _NEAR_CHARS) : match.end() + _NEAR_CHARS]
        is_quoted = text[match.start() - 1 : match.start()] in _QUOTES or text[match.end() : match.end() + 1] in _QUOTES
        if is_quoted or _NEGATED_BEFORE.search(before) or _CONDITION.match(before) or _ABOUT_WORDS.search(around):
            continue
        yield Hit(match.start(), match.end(), values={"word": match[0]})


@cache
def _vague_words() -> re.Pattern[str]:
    table = load_table("generation_service.lint.checks", "vague_words.toml")
    english = "|".join(texts_of(table, "en")).replace(" ", " +")
    return re.compile(rf"{'|'.join(texts_of(table, 'zh'))}|\b(?:{english})\b(?!-)", re.IGNORECASE)


def _clause_before(text: str, offset: int) -> str:
    window = text[max(0, offset - _NEAR_CHARS) : offset]
    cut = max(window.rfind(mark) for mark in _CLAUSE_ENDS)
    return window[cut + 1 :]


def duplicate_rule(document: Document, _: Expectations) -> Iterator[Hit]:
    """A rule that was already given; saying it twice makes the others look weaker."""
    seen: set[str] = set()
    for sentence in document.sentences:
        if sentence.text.startswith(("|", "#")):
            continue
        key = rule_key(sentence.text)
        han, words = count_units(key)
        if han < _LEAST_HAN and words < _LEAST_WORDS:
            continue
        if key in seen:
            yield Hit(sentence.start, sentence.start + len(sentence.text))
        seen.add(key)


def rule_key(sentence: str) -> str:
    """What a sentence says, without numbering, case, punctuation and modal words."""
    bare = _MODAL.sub(" ", _NUMBERING.sub("", sentence.casefold()))
    words = _LOOSE.sub(" ", bare).strip()
    return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", words)


def negative_only(document: Document, _: Expectations) -> Iterator[Hit]:
    """A list that only forbids leaves the model without anything to do."""
    items: list[re.Match[str]] = []
    for match in _ITEM.finditer(document.instructions):
        if items and document.instructions[items[-1].end() : match.start()].strip():
            yield from _judged(document, items)
            items = []
        items.append(match)
    yield from _judged(document, items)


def _judged(document: Document, items: list[re.Match[str]]) -> Iterator[Hit]:
    if len(items) < _LEAST_ITEMS or not all(is_negative(item["body"]) for item in items):
        return
    start, end = items[0].start("body"), items[-1].end()
    if not _announces_prohibitions(document, start):
        yield Hit(start, end, values={"count": len(items)})


def is_negative(rule: str) -> bool:
    """True when the rule says only what not to do."""
    match = _NEGATIVE.match(rule)
    return match is not None and not _ALTERNATIVE.search(rule[match.end() :])


def _announces_prohibitions(document: Document, offset: int) -> bool:
    """True when the nearest title before the offset, or the line just above it, says that prohibitions
    follow.
    """
    line_start = document.line_at(offset).start
    above = document.text[max(0, line_start - 200) : line_start].rstrip().rsplit("\n", 1)[-1]
    if _NEGATIVE.match(above.lstrip("#*【 ")):
        return True
    last = bisect_right(document.sections, offset, key=lambda section: section.start)
    for section in reversed(document.sections[max(0, last - _NEAR_SECTIONS) : last]):
        if section.end >= offset:
            return Part.PROHIBITION in section.parts
    return False
