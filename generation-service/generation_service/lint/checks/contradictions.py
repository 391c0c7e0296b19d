"""Rule `contradiction-pair` (warning): two rules for the same thing that can't both be kept.

1. Poles of `OPPOSITES` ("简洁"↔"详细", "concise"↔"detailed", "formal"↔"casual" …), each asked for about the
   whole answer, or both about its language. Asking for a short title and a detailed body is no contradiction,
   nor is a pole that is forbidden ("不要冗长"), conditional ("如果用户要求详细…"), sequenced
   ("先简洁…再详细"), or shares its sentence with its opposite.
2. The same action demanded and forbidden ("必须提供报价" / "不要提供报价", "Always cite" / "Never cite").
3. A most that is less than a least, in the same unit, both about the whole answer ("不超过 100 字" / "至少
   500 字").
4. Two different languages, each demanded for the whole answer ("只用中文回答" / "Always answer in English").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generation_service.lint.checks.opposites import (
    ABOUT_ANSWER,
    ABOUT_STYLE,
    CONDITIONAL,
    FORBIDS,
    LANGUAGE_DEMANDS,
    LIMITS,
    NEGATED,
    OPPOSITES,
    PLAIN_ADJECTIVES,
    SEQUENCED,
    SPECIFIC_AFTER,
)
from generation_service.lint.checks.wording import rule_key
from generation_service.lint.values import Expectations, Hit
from generation_service.text.document import Document, Sentence

_CLAUSE = re.compile(r"[^，,。；;！？!?:：\n]+")
_ORDER = re.compile(
    r"^\W*(?:\d{1,3}[.、)）]\W*)?(?:必须|务必|一定要|应当|应该|需要|请|要|始终|always|please|must|you must"
    r"|you should)\s*",
    re.IGNORECASE,
)
_MOST_CLAUSE_CHARS = 200


@dataclass(frozen=True, slots=True)
class _Demand:
    """Something asked for: which pole of which pair, about what, and where."""

    pair: int
    pole: int
    target: str
    sentence: int
    start: int
    end: int


def contradiction_pair(document: Document, _: Expectations) -> Iterator[Hit]:
    """Two rules that can't both be kept; the hit is the later one."""
    demands: dict[int, _Demand] = {}
    orders: dict[str, tuple[bool, str]] = {}
    limits: dict[tuple[str, str], tuple[int, str]] = {}
    language: tuple[str, str] | None = None
    for number, sentence in enumerate(document.sentences):
        if CONDITIONAL.search(sentence.text):
            continue
        yield from _against_orders(orders, sentence)
        yield from _against_limits(limits, sentence)
        for demand in _demands(sentence, number):
            yield from _against(demands, demand, document.text)
        wanted = _language_demanded(sentence.text)
        if wanted is not None and language is not None and wanted != language[0]:
            yield _hit(sentence, language[1])
        if wanted is not None:
            language = (wanted, sentence.text)


def asks_for_a_style(document: Document) -> bool:
    """True when a sentence asks how answers shall be: brief, detailed, formal and the like."""
    return any(True for number, sentence in enumerate(document.sentences) for _ in _demands(sentence, number))


def _demands(sentence: Sentence, number: int) -> Iterator[_Demand]:
    if SEQUENCED.search(sentence.text):
        return
    for clause in _CLAUSE.finditer(sentence.text):
        text = clause[0][:_MOST_CLAUSE_CHARS]
        for pair, poles in enumerate(OPPOSITES):
            found = [match for pole in poles if (match := pole.search(text))]
            if len(found) != 1 or NEGATED.search(text[: found[0].start()]):
                continue
            target = _target(text, found[0])
            if target:
                start = sentence.start + clause.start()
                pole_number = 0 if poles[0].search(text) else 1
                yield _Demand(pair, pole_number, target, number, start + found[0].start(), start + found[0].end())


def _target(clause: str, pole: re.Match[str]) -> str:
    """What the word is about: "answer", "style", "any", or "" for something of its own, such as a title."""
    before, after = clause[: pole.start()], clause[pole.end() :]
    if SPECIFIC_AFTER.match(after):
        return ""
    whole = f"{before} {after}"
    if ABOUT_STYLE.search(whole):
        return "style"
    if ABOUT_ANSWER.search(whole):
        return "answer"
    return "any" if not PLAIN_ADJECTIVES.sub("", before).strip(" \t-*•1234567890.、)") else ""


def _against(earlier: dict[int, _Demand], demand: _Demand, text: str) -> Iterator[Hit]:
    key = 2 * demand.pair + demand.pole
    other = earlier.get(key ^ 1)
    if other is not None and other.sentence != demand.sentence and _same(other.target, demand.target):
        values = {"first": text[other.start : other.end], "second": text[demand.start : demand.end]}
        yield Hit(demand.start, demand.end, values=values)
    earlier.setdefault(key, demand)


def _same(first: str, second: str) -> bool:
    return first == second or "any" in {first, second}


def _against_orders(orders: dict[str, tuple[bool, str]], sentence: Sentence) -> Iterator[Hit]:
    """Finds an action that is both demanded and forbidden."""
    forbidden = FORBIDS.match(sentence.text)
    bare = sentence.text[forbidden.end() :] if forbidden else _ORDER.sub("", sentence.text, count=1)
    key = rule_key(bare)
    if len(key) < 3:
        return
    known = orders.get(key)
    if known is not None and known[0] is not bool(forbidden):
        yield _hit(sentence, known[1])
    orders.setdefault(key, (bool(forbidden), sentence.text))


def _against_limits(limits: dict[tuple[str, str], tuple[int, str]], sentence: Sentence) -> Iterator[Hit]:
    """Finds a least that is more than a most."""
    for match in LIMITS.finditer(sentence.text):
        subject = _limit_subject(sentence.text, match.start())
        if subject is None:
            continue
        is_most = match["most"] is not None
        number = int(match["number"])
        unit = (match["unit"] or "").lower().rstrip("s")
        other = limits.get((unit, "least" if is_most else "most"))
        if other is not None and ((number < other[0]) if is_most else (number > other[0])):
            yield _hit(sentence, other[1])
        limits.setdefault((unit, "most" if is_most else "least"), (number, sentence.text))


def _limit_subject(sentence: str, offset: int) -> str | None:
    """The words before a limit in its clause when they speak of the whole answer; None when of a part of
    it.
    """
    window = sentence[max(0, offset - 60) : offset]
    before = re.split(r"[，,；;：:]", window)[-1]
    if ABOUT_ANSWER.search(before) or not PLAIN_ADJECTIVES.sub("", before).strip(" \t-*•1234567890.、)"):
        return before
    return None


def _language_demanded(sentence: str) -> str | None:
    found = {language for language, pattern in LANGUAGE_DEMANDS.items() if pattern.search(sentence)}
    return found.pop() if len(found) == 1 else None


def _hit(sentence: Sentence, first: str) -> Hit:
    values = {"first": _short(first), "second": _short(sentence.text)}
    return Hit(sentence.start, sentence.start + len(sentence.text), values=values)


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
