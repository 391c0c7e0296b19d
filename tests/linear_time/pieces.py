"""What a pattern can be fed with: its own literals, a character of each of its classes, and words of its branches."""

import re
from collections.abc import Iterator
from random import Random
from re import _constants as sre  # type: ignore[attr-defined]  # private, stable since 3.11; the only way to read a pattern
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

_OF_CATEGORY = {"DIGIT": "1", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "x", "NOT_SPACE": "x", "NOT_WORD": "-"}
_NEAR = 64
SPOILERS = ("", "\x00")
_ALWAYS = ("\n", " ", "a", "1")


def pieces_of(pattern: re.Pattern[Any]) -> list[str]:
    """The pieces, each once, in the order of the pattern; the four that most patterns stop at come last."""
    tree = _tree(pattern)
    found = [sample(tree), *_walk(tree), *_ALWAYS]
    return [piece for piece in dict.fromkeys(found) if piece]


def suspects_of(pattern: re.Pattern[Any]) -> list[str]:
    """What stands before each repetition without a near bound, what it repeats, and both: there time is lost."""
    return [text for text in dict.fromkeys(_suspects(_tree(pattern), "")) if text]


def _suspects(nodes: Any, before: str) -> Iterator[str]:
    for kind, value in nodes:
        if kind in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            body = sample(value[2])
            if value[1] > _NEAR:
                yield from (before, body, before + body)
            yield from _suspects(value[2], before)
        for inner in _parts(kind, value):
            yield from _suspects(inner, before)
        before += _shortest(kind, value)


def _parts(kind: Any, value: Any) -> list[Any]:
    if kind is sre.BRANCH:
        return list(value[1])
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.ATOMIC_GROUP:
        return [value]
    return [value[1]] if kind in {sre.ASSERT, sre.ASSERT_NOT} else []


def _tree(pattern: re.Pattern[Any]) -> Any:
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    return parser.parse(text, pattern.flags & ~re.UNICODE)


def mixtures(pieces: list[str], random: Random, most: int) -> Iterator[str]:
    """Some pieces alone, then pairs and triples by chance; `most` in all."""
    wanted = max(most // 2, 1)
    alone = pieces if len(pieces) <= wanted else random.sample(pieces, wanted)
    yield from alone
    for _ in range(most - len(alone)):
        yield "".join(random.choices(pieces, k=random.choice((2, 2, 3))))


def sample(nodes: Any) -> str:
    """The shortest text that these nodes take, give or take what looks around asks for."""
    return "".join(_shortest(*node) for node in nodes)


def _shortest(kind: Any, value: Any) -> str:
    text = "x" if kind in {sre.ANY, sre.NOT_LITERAL} else ""
    if kind is sre.LITERAL:
        text = chr(value)
    elif kind is sre.IN:
        text = _of_class(value)
    elif kind is sre.BRANCH:
        text = sample(value[1][0])
    elif kind is sre.SUBPATTERN:
        text = sample(value[3])
    elif kind is sre.ATOMIC_GROUP:
        text = sample(value)
    elif kind in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        text = sample(value[2]) * min(value[0], 40)
    return text


def _walk(nodes: Any) -> Iterator[str]:
    """The pieces of all nodes, at any depth: runs of literals, what repeats, each branch."""
    run = ""
    for kind, value in nodes:
        if kind is sre.LITERAL:
            run += chr(value)
            continue
        if run:
            yield run
        run = ""
        yield from _inside(kind, value)
    if run:
        yield run


def _inside(kind: Any, value: Any) -> Iterator[str]:
    if kind is sre.IN:
        yield _of_class(value)
    elif kind is sre.BRANCH:
        for branch in value[1]:
            yield sample(branch)
            yield from _walk(branch)
    elif kind is sre.SUBPATTERN:
        yield from _walk(value[3])
    elif kind is sre.ATOMIC_GROUP:
        yield from _walk(value)
    elif kind in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
        yield sample(value[2])
        yield from _walk(value[2])
    elif kind in {sre.ASSERT, sre.ASSERT_NOT}:
        yield from _walk(value[1])
    elif kind in {sre.ANY, sre.NOT_LITERAL}:
        yield "x"


def _of_class(entries: Any) -> str:
    """One character of a class; for a negated one a character that it doesn't name."""
    if entries[0][0] is sre.NEGATE:
        named = {each for kind, value in entries[1:] for each in _named(kind, value)}
        return next(each for each in "x1 。-\n\x01" if each not in named)
    kind, value = entries[0]
    return next(iter(_named(kind, value)), "x")


def _named(kind: Any, value: Any) -> str:
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return "".join(map(chr, range(value[0], min(value[1], value[0] + 130) + 1)))
    if kind is sre.CATEGORY:
        return _OF_CATEGORY[str(value).removeprefix("CATEGORY_")]
    return ""
