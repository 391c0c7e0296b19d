"""Cutting a description into the pieces that each ask for one thing, with their exact places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from generation_service.requirements.concepts import find_concepts, is_only_concepts
from generation_service.requirements.tables import load_table, text_of

_BEGINNING_CHARS = 120
MOST_CLAUSES = 90
"""Beyond it whole sentences, then groups of sentences, become one piece each: a prompt is no filing cabinet."""

_BULLET = re.compile(
    r"[ \t]*(?:[-*•·▪◦●–>]+|#{1,6}|\d{1,3}[.)、）]|[(（]\d{1,3}[)）]|[一二三四五六七八九十]{1,3}、)?[ \t]*"
)
_SENTENCE_END = re.compile(r"[。！？；;!?]+|(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)(?<!\b[A-Z])\.(?=\s|$)")
_SEPARATOR = re.compile(
    r"[，、]|,(?=\s|[^\d])|——|并且|而且|同时(?!间)|以及|还要|还能"
    r"|(?<=[一-鿿])[并且](?=[能会要不给用以在有对支提输])|\s+(?:and|but|or)\s+(?=[a-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"^(?:当|如果|若|假如|一旦|遇到|对于|在|除非|因为|由于|根据|基于|按照|为了|面对)|^(?:if|when|whenever|for|in"
    r"|after|before|while"
    r"|unless|because|since|once|given|based on|as)\b",
    re.IGNORECASE,
)
_ELABORATION = re.compile(
    r"^(?:例如|比如|譬如|如|诸如|即|也就是|包括|而不是|而非|尤其|特别是|等)|^(?:such as|e\.g\.|for example"
    r"|for instance|like"
    r"|including|especially|rather than|i\.e\.|etc)\b",
    re.IGNORECASE,
)
_END_OF_LIST = re.compile(r"等[^，。]{0,8}$")
_EDGE = " \t\r\n\u3000,，、.。;；:：!！?？-—*·•~"
_BRACKETS = re.compile(
    r"“[^”\n]{0,400}”|「[^」\n]{0,400}」|《[^》\n]{0,200}》|（[^）\n]{0,400}）|\([^)\n]{0,400}\)|\"[^\"\n]{0,400}\""
    r"|`[^`\n]{0,400}`|\{\{[^{}\n]{0,80}\}\}"
)
_CONNECTIVE = re.compile(
    r"(?:并且|而且|同时|以及|还要|此外|另外|其次|首先|最后|并|且|和|但是|但|；|and|but|also|then|plus|additionally"
    r"|furthermore)(?=[\s，,一-鿿])[\s，,]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One piece of the description, [start, end) in code points; `label` is what stood before its colon."""

    start: int
    end: int
    label: str


def split_clauses(text: str) -> tuple[Clause, ...]:
    """Cut a text into clauses in one pass over each level: lines, sentences, list items."""
    sentences = list(_sentences(text))
    clauses = [piece for sentence in sentences for piece in _pieces(text, sentence)]
    if len(clauses) > MOST_CLAUSES:
        clauses = _grouped(sentences)
    return tuple(clauses)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span past blanks, punctuation and connecting words at its edges."""
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    connective = _CONNECTIVE.match(text, start, end)
    return (connective.end(), end) if connective and connective.end() < end else (start, end)


_LABEL = re.compile(r"([^:：，,。\n“\"(（]{1,24})[:：](?!//)[ \t]*")
_EXAMPLE_LABEL = re.compile(
    r"^(?:例如|比如|示例|例子|样例|举例|输入|输出|用户|回复|问|答|examples?|for example|e\.g\.|sample|input|output|user"
    r"|assistant|q|a)\s*\d*$",
    re.IGNORECASE,
)


_ANNOUNCEMENT = re.compile(r"(?:例如|比如|示例|例子|样例|举例|examples?|for example|e\.g\.|sample)", re.IGNORECASE)


def is_example_label(label: str) -> bool:
    """Whether what stands before a colon announces an example."""
    return bool(_EXAMPLE_LABEL.match(label.strip()))


def _sentences(text: str) -> Iterator[Clause]:
    position = 0
    example: Clause | None = None
    heading = ""
    for line in text.splitlines(keepends=True):
        start, end = position, position + len(line)
        position = end
        bullet = _BULLET.match(text, start, end)
        start = bullet.end() if bullet else start
        label_match = _LABEL.match(text, start, end)
        label = label_match[1].strip() if label_match else ""
        # Lines of one example ("输入：…", "输出：…") stay together.
        if is_example_label(label) or (example and line.strip()):
            opened = label_match.end() if label_match and _ANNOUNCEMENT.match(label) else start
            example = Clause(example.start if example else opened, end, "example")
            continue
        if example:
            yield example
            example = None
        if label_match and not text[label_match.end() : end].strip():
            heading = label
            continue
        if not line.strip():
            heading = ""
            continue
        begin = label_match.end() if label_match else start
        yield from _sentences_of_line(text, begin, end, label or heading)
    if example:
        yield example


def _sentences_of_line(text: str, start: int, end: int, label: str) -> Iterator[Clause]:
    protected = _protected(text, start, end)
    begin = start
    for match in _SENTENCE_END.finditer(text, start, end):
        if any(low <= match.start() < high for low, high in protected):
            continue
        yield Clause(begin, match.end(), label)
        begin = match.end()
    if text[begin:end].strip():
        yield Clause(begin, end, label)


def _pieces(text: str, sentence: Clause) -> Iterator[Clause]:
    if sentence.label == "example":
        yield sentence
        return
    spans: list[tuple[int, int]] = []
    for start, end, joined_by_comma in _cut(text, sentence):
        low, high = trimmed(text, start, end)
        if low >= high:
            continue
        if spans and not _stands_alone(text, spans[-1], (low, high), by_comma=joined_by_comma):
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    for low, high in spans:
        yield Clause(low, high, sentence.label)


def _cut(text: str, sentence: Clause) -> Iterator[tuple[int, int, bool]]:
    protected = _protected(text, sentence.start, sentence.end)
    guard = 0
    begin = sentence.start
    by_comma = True
    for match in _SEPARATOR.finditer(text, sentence.start, sentence.end):
        while guard < len(protected) and protected[guard][1] <= match.start():
            guard += 1
        if guard < len(protected) and protected[guard][0] <= match.start():
            continue
        yield begin, match.start(), by_comma
        begin = match.start() if match.group()[0] in "并而同以还且" else match.end()
        by_comma = match.group() in {"，", "——"}
    yield begin, sentence.end, by_comma


def _stands_alone(text: str, before: tuple[int, int], here: tuple[int, int], *, by_comma: bool) -> bool:
    # Only the beginning of what came before matters; a bound keeps the whole cut linear.
    previous = text[before[0] : min(before[1], before[0] + _BEGINNING_CHARS)]
    piece = text[here[0] : here[1]]
    if _ELABORATION.match(piece) or any(match.concept.id == "injection" for match in find_concepts(previous)):
        return False
    if not by_comma and _END_OF_LIST.search(piece):
        return False
    if is_only_concepts(piece, find_concepts(piece)):
        return True
    if _CONDITION.match(previous) and not _SEPARATOR.search(previous):
        return False
    if re.search(r"[\u4e00-\u9fff]", piece):
        return (by_comma and len(piece) > 1) or bool(_openers()[0].match(piece))
    return bool(_openers()[1].match(piece))


@cache
def _openers() -> tuple[re.Pattern[str], re.Pattern[str]]:
    table = load_table("generation_service.requirements", "verbs.toml")
    english = rf"(?:{text_of(table, 'en')})(?:s|es|ies|ing)?\b|(?:{text_of(table, 'en_openers')})\b"
    return re.compile(text_of(table, "zh")), re.compile(english, re.IGNORECASE)


def _protected(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [match.span() for match in _BRACKETS.finditer(text, start, end)]


def _grouped(sentences: list[Clause]) -> list[Clause]:
    size = -(-len(sentences) // MOST_CLAUSES)
    groups = [sentences[index : index + size] for index in range(0, len(sentences), size)]
    return [Clause(group[0].start, group[-1].end, group[0].label) for group in groups]
