"""For tests of whatever stands on the door: fixtures with short waits, and an attempt log in memory.

A `conftest.py` imports the fixtures; `fake_dashscope` comes from the package of fakes.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import pytest
import pytest_asyncio
from generation_service.dashscope.attempts import AttemptOutcome, AttemptStart
from generation_service.dashscope.client import ModelChoice, ModelClient
from generation_service.dashscope.door import Caller, DashScopeDoor, open_door
from generation_service.dashscope.limits import Backoff, Limits
from generation_service.dashscope.policy import load_policy
from generation_service.dashscope.wire.transport import Endpoint


class Vendor(Protocol):
    """What the door needs to know of a fake."""

    @property
    def base_url(self) -> str:
        """The compatible-mode base."""


@dataclass(slots=True)
class MemoryAttempts:
    """Rows in the order in which they were begun; an outcome of None is an open row."""

    starts: list[AttemptStart] = field(default_factory=list)
    outcomes: list[AttemptOutcome | None] = field(default_factory=list)

    async def begin(self, attempt: AttemptStart) -> str:
        """Add an open row; its id is its position."""
        self.starts.append(attempt)
        self.outcomes.append(None)
        return str(len(self.starts) - 1)

    async def end(self, attempt_id: str, outcome: AttemptOutcome) -> None:
        """Complete a row. Raises ValueError when it was completed before."""
        if self.outcomes[int(attempt_id)] is not None:
            raise ValueError(f"attempt {attempt_id} ended twice")
        self.outcomes[int(attempt_id)] = outcome

    @property
    def ended(self) -> list[AttemptOutcome]:
        """The outcomes. Raises ValueError when a row is still open."""
        done = [outcome for outcome in self.outcomes if outcome is not None]
        if len(done) != len(self.outcomes):
            raise ValueError("a row is still open")
        return done


@pytest.fixture
def short_limits() -> Limits:
    """Waits of fractions of a second."""
    return Limits(
        connect_timeout_seconds=0.5,
        first_byte_timeout_seconds=0.3,
        idle_timeout_seconds=0.3,
        structured_timeout_seconds=5.0,
        run_timeout_seconds=10.0,
        usage_timeout_seconds=0.3,
        breaker_failures=50,
        backoff=Backoff(0.01, 0.01, 0.01, 0.01, 0.01),
    )


@pytest.fixture
def rows() -> MemoryAttempts:
    """An empty attempt log."""
    return MemoryAttempts()


@pytest_asyncio.fixture
async def door(fake_dashscope: Vendor, short_limits: Limits) -> AsyncIterator[DashScopeDoor]:
    """A door to the fake."""
    endpoint = Endpoint(fake_dashscope.base_url, "sk-planted-canary")
    async with open_door(endpoint, load_policy(), limits=short_limits) as opened:
        yield opened


@pytest.fixture
def model_client(door: DashScopeDoor, rows: MemoryAttempts) -> ModelClient:
    """A client whose attempts are in `rows`."""
    return ModelClient(door, Caller(rows, tenant="workspace"), ModelChoice())
