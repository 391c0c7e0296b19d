"""How long the work in hand may still take; Python's gRPC does not pass a deadline on by itself."""

import time
from contextvars import ContextVar

from servicekit.errors import DeadlineExceeded

RESERVE_SECONDS = 0.05

_ends_at: ContextVar[float | None] = ContextVar("promptsphere_deadline", default=None)


def set_remaining(seconds: float | None) -> None:
    """The caller of this task waits that long; None means as long as it takes."""
    _ends_at.set(None if seconds is None else time.monotonic() + seconds)


def budget(own_seconds: float) -> float:
    """What a further call may take: its own limit, or what its caller has left less 50 ms.

    Raises:
        DeadlineExceeded: nothing is left, so the call is not worth making.
    """
    ends_at = _ends_at.get()
    if ends_at is None:
        return own_seconds
    left = ends_at - time.monotonic() - RESERVE_SECONDS
    if left <= 0:
        raise DeadlineExceeded("There was no time left for this step, so it was not begun; try again.")
    return min(own_seconds, left)
