"""Runs as values: kinds, states, events and how a run may end."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from servicekit.errors import SphereError
from servicekit.json_types import JsonObject

EPOCH_BITS = 20
"""An event's id is its run's epoch, then this many bits of its number in that epoch."""

FIRST_EPOCH = 1


class RunKind(StrEnum):
    """What a run does."""

    PARSE = "parse"
    GENERATE = "generate"
    REFINE = "refine"
    ASSESS = "assess"
    TEST = "test"


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)
CALM_ENDS = frozenset({RunState.SUCCEEDED, RunState.CANCELLED})

END_NAMES = frozenset({"done", "error"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a reader of a run sees; once it has its id it never changes.

    Attributes:
        id: epoch · 2^20 + number in that epoch, from 1.
        name: `meta`, `stage`, `delta`, `usage`, `done` or `error`.
        data: what it says; empty on the end event, which stands for the run itself.
    """

    id: int
    name: str
    data: JsonObject

    @property
    def is_end(self) -> bool:
        """True for the one event after which nothing comes."""
        return self.name in END_NAMES


def event_id(epoch: int, number: int) -> int:
    """The id of the event with this number (from 1) in this epoch."""
    return (epoch << EPOCH_BITS) | number


def end_name(state: str) -> str:
    """How the end event of a run that ended in `state` is called."""
    return "done" if RunState(state) in CALM_ENDS else "error"


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run did not succeed, neutral to language."""

    reason: str
    message: str
    metadata: Mapping[str, str]
    violations: tuple[JsonObject, ...] = ()

    @classmethod
    def of(cls, error: SphereError) -> "RunFailure":
        """What an error says, to be kept with the run."""
        violations = tuple({"pointer": one.pointer, "message": one.message} for one in error.violations)
        return cls(error.reason, error.message, dict(error.metadata), violations)  # type: ignore[arg-type]

    def as_json(self) -> JsonObject:
        """The form in which it is stored."""
        return {
            "reason": self.reason,
            "message": self.message,
            "metadata": dict(self.metadata),
            "violations": list(self.violations),
        }


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended: `result` when it succeeded, `failure` when it failed, was rejected or interrupted."""

    state: RunState
    result: JsonObject | None = None
    failure: RunFailure | None = None
