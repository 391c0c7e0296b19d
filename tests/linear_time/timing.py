"""Whether work on a text is linear in its length: CPU time of this process, the least of several runs."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_CHARS = 256 * 1024
"""Longest text that a service takes, in characters."""

LEAST_SECONDS = 0.005
"""What the smaller run takes at least: below it the clock and the caches decide."""

MOST_GROWTH = 3.0
"""What twice the text may take, in times the text; linear is 2."""

_FIRST_CHARS = 2_048
_TOLD_CHARS = 16_384
_TOLD_SECONDS = 0.004
"""Whatever needs less for so many characters tries no further place of the text from one place in forty."""

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Growth:
    """How the time of `text` grew when it was doubled."""

    repeated: str
    chars: int
    seconds: float
    doubled_seconds: float

    @property
    def is_linear(self) -> bool:
        """True when twice the text took at most three times as long."""
        return self.doubled_seconds <= MOST_GROWTH * self.seconds


def growth_of(
    work: Callable[[str], object], repeated: str, spoiler: str = "", max_chars: int = MAX_CHARS
) -> Growth | None:
    """How the work grows, where it takes long enough to tell; None when even the longest text is done before.

    What is not linear is looked at a second time: a busy machine deceives once, a quadratic pattern never.

    Args:
        work: what is timed.
        repeated: what the text consists of, over and over.
        spoiler: what stands at its end.
        max_chars: longest text that the work is ever given.
    """
    chars = min(_FIRST_CHARS, max_chars // 2)
    before = _timed(work, _text(repeated, spoiler, chars))
    while 2 * chars <= max_chars:
        after = _timed(work, _text(repeated, spoiler, 2 * chars))
        if before >= LEAST_SECONDS:
            if after <= MOST_GROWTH * before:  # once more: a busy machine makes a short run long, never short
                before = min(before, _timed(work, _text(repeated, spoiler, chars)))
            if after <= MOST_GROWTH * before:
                return Growth(repeated, chars, before, after)
            growth = _measured(work, repeated, spoiler, chars)
            return growth if growth.is_linear else _measured(work, repeated, spoiler, chars)
        if chars >= _TOLD_CHARS and before < _TOLD_SECONDS:
            return None
        chars, before = 2 * chars, after
    return None


def _measured(work: Callable[[str], object], repeated: str, spoiler: str, chars: int) -> Growth:
    once, twice = _text(repeated, spoiler, chars), _text(repeated, spoiler, 2 * chars)
    best = doubled = math.inf
    for tried in range(3 * _TRIES):  # in turn: a busy neighbour slows either
        best, doubled = min(best, _timed(work, once)), min(doubled, _timed(work, twice))
        if tried + 1 >= _TRIES and doubled <= MOST_GROWTH * best:
            break
    return Growth(repeated, chars, best, doubled)


def _text(repeated: str, spoiler: str, chars: int) -> str:
    return repeated * -(-chars // len(repeated)) + spoiler


def _timed(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began
