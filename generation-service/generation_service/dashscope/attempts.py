"""The record of every attempt at the provider: begun before the call, ended whatever happens."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

AttemptState: TypeAlias = Literal["succeeded", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money (CNY) of one attempt; `estimated` when the provider did not say."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal = Decimal(0)
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """What is known before the call; `number` counts from 1 within one model call."""

    model: str
    purpose: str
    number: int
    estimated_input_tokens: int


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """How an attempt ended; `error_reason` is the `reason` of the typed error."""

    state: AttemptState
    usage: Usage
    error_reason: str | None = None
    upstream_request_id: str | None = None


class AttemptLog(Protocol):
    """Where attempts are written down, one row each."""

    async def begin(self, attempt: AttemptStart) -> str:
        """Write the row and return its id. Raises SphereError to forbid the call (a budget is used up)."""
        ...

    async def end(self, attempt_id: str, outcome: AttemptOutcome) -> None:
        """Complete the row."""
        ...
