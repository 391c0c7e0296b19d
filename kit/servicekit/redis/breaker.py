"""A circuit breaker: after failures in a row nobody waits for what is down, but a prober now and then."""

import time
from collections.abc import Callable
from enum import Enum


class Admission(Enum):
    """What a caller may do now."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    PROBE = "probe"
    REFUSE = "refuse"


class Breaker:
    """Closed until enough failures in a row; then open for a while that grows with each failed probe.

    For one event loop: its methods do not await, so they need no lock.
    """

    def __init__(
        self,
        *,
        failures_to_open: int = 5,
        first_wait_seconds: float = 1.0,
        longest_wait_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_to_open = failures_to_open
        self._first_wait_seconds = first_wait_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._clock = clock
        self._failures = 0
        self._wait_seconds = first_wait_seconds
        self._open_until: float | None = None
        self._is_probing = False

    @property
    def is_closed(self) -> bool:
        """True while callers pass."""
        return self._open_until is None

    def admit(self) -> Admission:
        """Decide about one caller; who is told PROBE must call one of `probe_*`."""
        if self._open_until is None:
            return Admission.PASS
        if self._is_probing or self._clock() < self._open_until:
            return Admission.REFUSE
        self._is_probing = True
        return Admission.PROBE

    def succeeded(self) -> None:
        """A caller that passed got its answer.

        It does not close an open breaker: the answer may belong to a call from before, or to a read while
        writes are refused. Only a probe closes.
        """
        if self._open_until is None:
            self._failures = 0

    def failed(self, *, at_once: bool = False) -> bool:
        """A caller that passed got none; `at_once` opens without counting. True when this opened it."""
        if self._open_until is not None:
            return False
        self._failures += 1
        if not at_once and self._failures < self._failures_to_open:
            return False
        self._wait_seconds = self._first_wait_seconds
        self._open_until = self._clock() + self._wait_seconds
        return True

    def probe_succeeded(self) -> None:
        """The prober got its answer: everybody passes again."""
        self._open_until = None
        self._is_probing = False
        self._failures = 0

    def probe_failed(self) -> None:
        """The prober got none: wait again, longer."""
        self._is_probing = False
        self._wait_seconds = min(self._wait_seconds * 2, self._longest_wait_seconds)
        self._open_until = self._clock() + self._wait_seconds

    def probe_abandoned(self) -> None:
        """The prober was cancelled: the next caller probes."""
        self._is_probing = False
