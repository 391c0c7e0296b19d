"""Cutting a description into the pieces that each ask for one thing, with their exact places."""

import re
from collections.abc import Iterator
from functools import cache

from generation_service.requirements.concepts import find_concepts, is_only_concepts
from generation_service.requirements.rule_parser.lines import Clause, sentences
from generation_service.text.data_tables import load_table, text_of
from generation_service.text.language import has_han
from generation_service.text.sentences import bracketed, outside

_BEGINNING_CHARS = 120
MOST_CLAUSES = 90
"""Beyond it whole sentences, then groups of sentences, become one piece each: a prompt is no filing cabinet."""

_SEPARATOR = re.compile(
    r"[，、]|,(?=\s|[^\d])|——"
    r"|(?<=[一-鿿]{3})[ \u3000]+(?=[一-鿿]{3})|(?<=[^\W\d])\s[-–—]\s(?=[^\W\d])"
    r"|并且|而且|同时(?!间)|以及|还要|还能"
    r"|(?<=[一-鿿])[并且](?=[能会要不给用以在有对支提输])|(?<!\s)\s+(?:and|but|or)\s+(?=[a-z])",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"^(?:当|如果|若|假如|一旦|遇到|对于|在|除非|因为|由于|根据|基于|按照|为了|面对)|^(?:if|when|whenever|for|in"
    r"|after|before|while"
    r"|unless|because|since|once|given|based on|as)\b"
    # What people bring is the occasion of what comes next: "用户贴报错号，告诉他原因", "空闲时段给你，找出……".
    r"|^(?:用户|员工|客户|顾客|家长|学生|学员|对方|同事|患者|我们?)[^，]{0,6}(?:说|发|贴|输入|提供|上传|提交|描述|问)"
    r"|^[^，]{2,20}(?:给你|发你)$",
    re.IGNORECASE,
)
_RED_LINE = re.compile(r"(?:不许|不得|禁止|严禁|切勿|不准)[一-鿿]{2}")
_OCCASION = re.compile(r"[^，]{2,20}(?:给你|发你)，")
_ASKS_WHETHER = re.compile(r"^[^，]{0,6}?([一-鿿])不\1")
_LEANS_BACK = re.compile(r"(?<!\w)\w+ (?:them|him|her|it|those|these)\b", re.IGNORECASE)
_OUTPUT_LABEL = re.compile(r"输出|格式|结构|字段|\b(?:output|format|fields?|structure)\b", re.IGNORECASE)
_ONE_WORD = re.compile(r"[A-Za-z_]+")
_ELABORATION = re.compile(
    r"^(?:例如|比如|譬如|如|诸如|即|也就是|包括|而不是|而非|尤其|特别是|等)|^(?:such as|e\.g\.|for example"
    r"|for instance|like"
    r"|including|especially|rather than|i\.e\.|etc)\b",
    re.IGNORECASE,
)
_END_OF_LIST = re.compile(r"等[^，。]{0,8}$")
_EDGE = " \t\r\n\u3000,，、.。;；:：!！?？-—*·•~"
_CONNECTIVE = re.compile(
    r"(?:并且|而且|同时|以及|还要|此外|另外|其次|首先|最后|并|且|和|但是|但|；|and|but|also|then|plus|additionally"
    r"|furthermore)(?=[\s，,一-鿿])[\s，,]*",
    re.IGNORECASE,
)


def split_clauses(text: str) -> tuple[Clause, ...]:
    """Cut a text into clauses in one pass over each level: lines, sentences, list items."""
    whole = list(sentences(text))
    clauses = [piece for sentence in whole for piece in _pieces(text, sentence)]
    if len(clauses) > MOST_CLAUSES:
        clauses = _grouped(whole)
    return tuple(clauses)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span past blanks, punctuation and connecting words at its edges."""
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    connective = _CONNECTIVE.match(text, start, end)
    return (connective.end(), end) if connective and connective.end() < end else (start, end)


def _pieces(text: str, sentence: Clause) -> Iterator[Clause]:
    if sentence.label == "example":
        yield sentence
        return
    # "输出：题干、选项、答案" lists the parts of one output.
    parts_of_one = bool(_OUTPUT_LABEL.search(sentence.label))
    spans: list[tuple[int, int]] = []
    for start, end, joined_by_comma in _cut(text, sentence):
        low, high = trimmed(text, start, end)
        if low >= high:
            continue
        alone = joined_by_comma or not parts_of_one
        if spans and not (alone and _stands_alone(text, spans[-1], (low, high), by_comma=joined_by_comma)):
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    for low, high in spans:
        yield Clause(low, high, sentence.label)


def _cut(text: str, sentence: Clause) -> Iterator[tuple[int, int, bool]]:
    protected = bracketed(text, sentence.start, sentence.end)
    begin = sentence.start
    by_comma = True
    for match in outside(_SEPARATOR.finditer(text, sentence.start, sentence.end), protected):
        yield begin, match.start(), by_comma
        begin = match.start() if match.group()[0] in "并而同以还且" else match.end()
        by_comma = match.group() in {"，", "——"} or match.group().isspace()
    yield begin, sentence.end, by_comma


def _stands_alone(text: str, before: tuple[int, int], here: tuple[int, int], *, by_comma: bool) -> bool:
    # Only the beginning of what came before matters; a bound keeps the whole cut linear.
    previous = text[before[0] : min(before[1], before[0] + _BEGINNING_CHARS)]
    piece = text[here[0] : here[1]]
    if _ELABORATION.match(piece) or any(match.concept.id == "injection" for match in find_concepts(previous)):
        return False
    if (not by_comma and _END_OF_LIST.search(piece)) or _ASKS_WHETHER.match(piece) or _LEANS_BACK.match(piece):
        return False
    if _RED_LINE.match(piece) or is_only_concepts(piece, find_concepts(piece)):
        return True
    if _CONDITION.match(previous) and not _SEPARATOR.search(previous):
        return False
    if has_han(piece):
        return (by_comma and len(piece) > 1) or bool(_openers()[0].match(piece))
    return not _ONE_WORD.fullmatch(piece) and bool(_openers()[1].match(piece))


def acts(text: str) -> bool:
    """Whether a piece begins with something to do ("识别请假类型", "flags missing incoterms")."""
    chinese, english = _deeds()
    if has_han(text):
        occasion = _OCCASION.match(text)
        return chinese.match(text[occasion.end() :] if occasion else text) is not None
    return english.match(text) is not None


@cache
def _deeds() -> tuple[re.Pattern[str], re.Pattern[str]]:
    table = load_table("generation_service.requirements", "verbs.toml")
    english = rf"(?:{text_of(table, 'en')})(?:s|es|ies|ing)?\b"
    return re.compile(text_of(table, "zh_acts")), re.compile(english, re.IGNORECASE)


@cache
def _openers() -> tuple[re.Pattern[str], re.Pattern[str]]:
    table = load_table("generation_service.requirements", "verbs.toml")
    english = rf"(?:{text_of(table, 'en')})(?:s|es|ies|ing)?\b|(?:{text_of(table, 'en_openers')})\b"
    return re.compile(text_of(table, "zh")), re.compile(english, re.IGNORECASE)


def _grouped(whole: list[Clause]) -> list[Clause]:
    size = -(-len(whole) // MOST_CLAUSES)
    groups = [whole[index : index + size] for index in range(0, len(whole), size)]
    return [Clause(group[0].start, group[-1].end, group[0].label) for group in groups]
