"""No text freezes a service: whatever reads text takes at most three times as long for twice of it.

A regular expression holds the interpreter for its whole match, so one that is quadratic holds every other caller
too. Nothing is listed here by hand: the patterns and functions are found, and fed with repetitions of their own pieces.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from linear_time.calling import max_chars_of, text_functions
from linear_time.pieces import SPOILERS, mixtures, pieces_of, suspects_of
from linear_time.timing import Growth, growth_of
from linear_time.walking import Found, forget, patterns

_SEED = 20261125
_LEAST_PATTERNS, _LEAST_FUNCTIONS = 350, 140
PLANTED = re.compile(r"[，,]\W*(?:请|please)")
MENDED = re.compile(r"[，,]\W{0,20}(?:请|please)")
HOSTILE = (
    ", ",
    "，",
    "\n#",
    "- a\n",
    "<!--",
    "a. ",
    "{{",
    "# 简洁",
    "friendly, concise ",
    "1",
    "`",
    "{",
    "输出：",
    " ",
    "a",
)
"""What held a service once, and what is most like it."""


def _ways(pattern: re.Pattern[Any]) -> Iterator[Callable[[str], object]]:
    """All matches of a text, and the text as one match."""
    if isinstance(pattern.pattern, bytes):
        yield lambda text: deque(pattern.finditer(text.encode()), 0)
        yield lambda text: pattern.fullmatch(text.encode())
    else:
        yield lambda text: deque(pattern.finditer(text), 0)
        yield pattern.fullmatch


def _slow_of_pattern(found: Found, random: Random, most: int, spoilers: tuple[str, ...] = SPOILERS) -> str:
    """The first text of its pieces on which the pattern is not linear; empty when there is none."""
    for repeated in (*suspects_of(found.pattern), *mixtures(pieces_of(found.pattern), random, most)):
        for spoiler in spoilers:
            growths = (growth_of(way, repeated, spoiler) for way in _ways(found.pattern))
            if any(growth is not None and not growth.is_linear for growth in growths):
                return f"{found.place} on {repeated!r}"
    return ""


def _slow_of_function(name: str, work: Callable[[str], object], texts: list[tuple[str, str]]) -> str:
    def afresh(text: str) -> object:
        forget()
        return work(text)

    for repeated, spoiler in texts:
        growth: Growth | None = growth_of(afresh, repeated, spoiler, max_chars_of(name))
        if growth is not None and not growth.is_linear:
            return f"{name} on {repeated!r}: {growth.seconds:.4f} s for {growth.chars}, {growth.doubled_seconds:.4f} s"
    return ""


def test_each_pattern_and_function_that_takes_text_is_found() -> None:
    known, unknown = text_functions()

    assert not unknown, f"say in tests/linear_time/calling.py how to call them, or that they take no text: {unknown}"
    assert len(known) >= _LEAST_FUNCTIONS
    assert len(patterns()) >= _LEAST_PATTERNS


def test_a_planted_quadratic_pattern_is_found() -> None:
    assert _slow_of_pattern(Found("planted", PLANTED), Random(_SEED), 8)
    assert not _slow_of_pattern(Found("mended", MENDED), Random(_SEED), 8)


def test_a_planted_quadratic_function_is_found() -> None:
    assert _slow_of_function("planted", PLANTED.findall, [("，", "")])
    assert not _slow_of_function("mended", MENDED.findall, [("，", "")])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("most", "spoilers"), [(1, SPOILERS[1:]), (12, SPOILERS)])
def test_each_pattern_is_linear_in_the_text(most: int, spoilers: tuple[str, ...]) -> None:
    random = Random(_SEED)

    slow = [problem for found in patterns() if (problem := _slow_of_pattern(found, random, most, spoilers))]

    assert not slow, "\n".join(slow)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("most", [1, 6])
def test_each_function_is_linear_in_the_text(most: int) -> None:
    random = Random(_SEED)
    known, _ = text_functions()
    # Of all patterns: each function asks many of them.
    pieces = list(dict.fromkeys(piece for found in patterns() for piece in pieces_of(found.pattern)))
    slow: list[str] = []
    for name, work in known.items():
        repeated = (*mixtures(pieces, random, most), random.choice(HOSTILE))
        texts = [(each, random.choice(SPOILERS)) for each in repeated]
        problem = _slow_of_function(name, work, texts)
        if problem:
            slow.append(problem)

    assert not slow, "\n".join(slow)
