"""A run at work in this process, as its owner and its pipeline see it."""

import asyncio
from enum import Enum, auto
from typing import TypeAlias

from servicekit.errors import ResourceExhausted
from servicekit.json_types import JsonObject
from servicekit.leases import Lease

from generation_service.execution.attempts import LeaseLostError, SqlAttemptLog
from generation_service.execution.event_log import DeltaStream, EventLog
from generation_service.execution.values import Event, RunEnd

MAX_TEXT_CHARS = 512 * 1024
"""Most text that a run may send in all; four times what fits into a version, for one reset and some air."""


class Stop(Enum):
    """Why a run is stopped from outside."""

    CANCEL = auto()
    TIMEOUT = auto()
    SHUTDOWN = auto()
    LOST = auto()


class LiveRun:
    """What this process knows of a run that it holds; the `RunContext` of its pipeline.

    Attributes:
        lease: our right to it; each write names it.
        log: its events.
        attempts: its calls to a provider.
        stop_reason: why it was told to stop, the first time.
        is_ending: its last events are being written by the pump; nobody else saves any.
        is_saving_doubtful: a save failed in a way that may have been a success.
    """

    def __init__(
        self,
        *,
        workspace_id: str,
        lease: Lease,
        log: EventLog,
        attempts: SqlAttemptLog,
        window_seconds: float,
    ) -> None:
        self.workspace_id = workspace_id
        self.lease = lease
        self.log = log
        self.attempts = attempts
        self.stop_reason: Stop | None = None
        self.is_ending = False
        self.is_saving_doubtful = False
        self._deltas = DeltaStream(log, window_seconds=window_seconds)
        self._text_chars = 0
        self._work: asyncio.Task[RunEnd] | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.lease.row_id

    async def stage(self, name: str, *, reset: bool = False) -> None:
        """Say that a new part of the work begins; `reset` takes back all text sent so far."""
        self._demand_open()
        self._deltas.flush()
        data: JsonObject = {"name": name}
        if reset:
            data["reset"] = True
        self.log.append("stage", data)

    async def delta(self, text: str) -> None:
        """Send a piece of the text that the run makes.

        Raises:
            ResourceExhausted: `too_large`, the run has sent more than any prompt may be long.
        """
        self._demand_open()
        self._text_chars += len(text)
        if self._text_chars > MAX_TEXT_CHARS:
            raise ResourceExhausted("The model's answer is too long to be a prompt.", reason="too_large")
        self._deltas.add(text)

    def attach(self, work: asyncio.Task[RunEnd]) -> None:
        """Name the task that works for this run, so that `stop` finds it."""
        self._work = work
        if self.stop_reason is not None:
            work.cancel()

    def stop(self, reason: Stop) -> None:
        """Stop the work; the pump then writes the end, unless the run is lost. Only the first call counts."""
        if self.stop_reason is not None or self.is_ending:
            return
        self.stop_reason = reason
        if self._work is not None:
            self._work.cancel()

    def close_text(self) -> None:
        """Send what still waits; from now on only the pump adds events."""
        self._deltas.flush()
        self.is_ending = True

    def unsaved(self) -> list[Event]:
        """The events that the database lacks."""
        return self.log.unsaved

    def _demand_open(self) -> None:
        # Work that ignored its cancellation must not write behind the end.
        if self.is_ending or self.stop_reason is not None:
            raise LeaseLostError(self.run_id)


LiveRuns: TypeAlias = dict[str, LiveRun]
"""The runs that this process holds, by id."""
