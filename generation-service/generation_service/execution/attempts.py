"""Attempts at a provider as rows: written before the call, charged to the ledger exactly once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, cast

from servicekit.db import Database
from servicekit.errors import Aborted
from servicekit.ids import new_id
from servicekit.json_types import JsonObject
from servicekit.leases import Lease, held
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.dashscope.attempts import AttemptOutcome, AttemptStart, AttemptState, Usage
from generation_service.execution.models import Attempt, LedgerEntry, Run
from generation_service.execution.rules import HELD_ROWS

Outcomes: TypeAlias = Mapping[str, AttemptOutcome]

STARTED = "started"
_MAX_REASON_CHARS = 64
_MAX_REQUEST_ID_CHARS = 128


class LeaseLostError(Aborted):
    """The run is somebody else's now: stop at once and write nothing. Never shown to a caller."""

    default_reason = "lease_lost"


@dataclass(slots=True)
class _Noted:
    start: AttemptStart
    outcome: AttemptOutcome | None = None
    is_allowed: bool = False
    is_stored: bool = True


class SqlAttemptLog:
    """The attempts of one run. An outcome is stored with the next row or with the end of the run."""

    def __init__(self, database: Database, *, workspace_id: str, lease: Lease) -> None:
        self._database = database
        self._workspace_id = workspace_id
        self._lease = lease
        self._noted: dict[str, _Noted] = {}

    def __len__(self) -> int:
        return len(self._noted)

    async def begin(self, attempt: AttemptStart) -> str:
        """Write the row and give its id.

        Raises:
            LeaseLostError: the run is no longer ours; don't make the call.
            Unavailable: the database did not answer; don't make the call.
        """
        attempt_id = new_id()
        # Noted first: a commit whose answer was lost has made a row, which the end of the run will look for.
        self._noted[attempt_id] = _Noted(attempt)
        ended = {key: one for key, one in self._noted.items() if one.outcome and not one.is_stored}

        async def unit(session: AsyncSession) -> None:
            await lock_held(session, self._lease)
            for key, one in ended.items():
                await self._store(session, key, cast("AttemptOutcome", one.outcome))
            session.add(_row(attempt_id, attempt, workspace_id=self._workspace_id, run_id=self._lease.row_id))

        await self._database.write(unit)
        for one in ended.values():
            one.is_stored = True
        self._noted[attempt_id].is_allowed = True
        return attempt_id

    async def end(self, attempt_id: str, outcome: AttemptOutcome) -> None:
        """Note how it ended. Never waits, so that it also works while the run is being cancelled."""
        noted = self._noted[attempt_id]
        noted.outcome = outcome
        noted.is_stored = False

    def outcomes(self, unheard: AttemptState) -> dict[str, AttemptOutcome]:
        """How each attempt ended; one whose end was never told ended as `unheard`, its usage estimated."""
        return {key: one.outcome or _unheard(one, unheard) for key, one in self._noted.items()}

    async def _store(self, session: AsyncSession, attempt_id: str, outcome: AttemptOutcome) -> None:
        await session.execute(
            update(Attempt)
            .where(Attempt.workspace_id == self._workspace_id, Attempt.id == attempt_id)
            .values(**_columns(outcome))
            .execution_options(synchronize_session=False),
        )


async def lock_held(session: AsyncSession, lease: Lease) -> None:
    """Lock the run's row.

    Raises:
        LeaseLostError: the lease is not ours any more, or the run has ended.
    """
    row = await session.scalar(
        select(Run.id)
        .where(*held(Run, lease), Run.end_event_id.is_(None))
        .with_for_update()
        .execution_options(**HELD_ROWS),
    )
    if row is None:
        raise LeaseLostError(lease.row_id)


async def charge(session: AsyncSession, run: Run, outcomes: Outcomes) -> None:
    """Give every attempt of the run its outcome and its ledger row, and the run the sum.

    The run's row is locked and has not ended, so this happens once. An attempt that is not among `outcomes`
    is charged by what its row says; by our estimate when the row says nothing.
    """
    attempts = await session.scalars(
        select(Attempt).where(Attempt.workspace_id == run.workspace_id, Attempt.run_id == run.id),
    )
    usages: list[Usage] = []
    for attempt in attempts:
        outcome = outcomes.get(attempt.id) or _stored(attempt)
        for column, value in _columns(outcome).items():
            setattr(attempt, column, value)
        session.add(_entry(run, attempt, outcome.usage))
        usages.append(outcome.usage)
    total = sum_of(usages)
    run.input_tokens, run.output_tokens = total.input_tokens, total.output_tokens
    run.cost, run.is_estimated = total.cost, total.estimated


def sum_of(usages: Iterable[Usage]) -> Usage:
    """All of it together; estimated when any part is."""
    total = Usage()
    for usage in usages:
        total = Usage(
            total.input_tokens + usage.input_tokens,
            total.output_tokens + usage.output_tokens,
            total.cached_tokens + usage.cached_tokens,
            total.cost + usage.cost,
            total.estimated or usage.estimated,
        )
    return total


def usage_as_json(usage: Usage) -> JsonObject:
    """The data of a `usage` event; the cost in CNY as a decimal string."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": cost_text(usage.cost),
        "estimated": usage.estimated,
    }


def cost_text(cost: Decimal) -> str:
    """A cost without needless zeros and never in scientific notation."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _row(attempt_id: str, start: AttemptStart, *, workspace_id: str, run_id: str) -> Attempt:
    return Attempt(
        id=attempt_id,
        workspace_id=workspace_id,
        run_id=run_id,
        model=start.model,
        purpose=start.purpose,
        number=start.number,
        state=STARTED,
        estimated_input_tokens=start.estimated_input_tokens,
    )


def _unheard(noted: _Noted, state: AttemptState) -> AttemptOutcome:
    if not noted.is_allowed:
        return AttemptOutcome(state, Usage())  # stopped before the call could be made
    return AttemptOutcome(state, Usage(input_tokens=noted.start.estimated_input_tokens, estimated=True))


def _stored(attempt: Attempt) -> AttemptOutcome:
    if attempt.state == STARTED:
        return AttemptOutcome("interrupted", Usage(input_tokens=attempt.estimated_input_tokens, estimated=True))
    usage = Usage(
        attempt.input_tokens or 0,
        attempt.output_tokens or 0,
        attempt.cached_tokens or 0,
        attempt.cost or Decimal(0),
        bool(attempt.is_estimated),
    )
    return AttemptOutcome(cast("AttemptState", attempt.state), usage, attempt.error_reason, attempt.upstream_request_id)


def _columns(outcome: AttemptOutcome) -> dict[str, object]:
    usage = outcome.usage
    return {
        "state": outcome.state,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost": usage.cost,
        "is_estimated": usage.estimated,
        "error_reason": (outcome.error_reason or "")[:_MAX_REASON_CHARS] or None,
        # The provider's own word: cut, because a row must not be lost over it.
        "upstream_request_id": (outcome.upstream_request_id or "")[:_MAX_REQUEST_ID_CHARS] or None,
    }


def _entry(run: Run, attempt: Attempt, usage: Usage) -> LedgerEntry:
    return LedgerEntry(
        attempt_id=attempt.id,
        workspace_id=run.workspace_id,
        run_id=run.id,
        user_id=run.user_id,
        created_by_kind=run.created_by_kind,
        created_by_id=run.created_by_id,
        model=attempt.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cost=usage.cost,
        is_estimated=usage.estimated,
    )
