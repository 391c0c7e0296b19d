"""What may be done with runs: start one, find it, list them, ask one to stop."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from servicekit.auth.identity import Actor, Role
from servicekit.db.clock import DatabaseTime
from servicekit.db.paging import CursorSigner, ListScope, Page, page
from servicekit.db.schema import now
from servicekit.errors import NotFound
from servicekit.ids import is_id
from servicekit.json_types import JsonObject
from servicekit.leases import Lease, held
from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from generation_service.engines import EngineName
from generation_service.execution.models import Run, RunSegment
from generation_service.execution.values import FIRST_EPOCH, OPEN_STATES, Event, RunKind, RunState, end_name, event_id

HELD_ROWS = {"all_workspaces": "a lease is held by row id, owner and epoch"}


@dataclass(frozen=True, slots=True)
class RunSpec:
    """An order for a run.

    Attributes:
        id: of the run to be; made before the transaction, which may be tried again.
        model: empty for the engine `rules`.
        source: what it works on: ids and versions, never the text.
    """

    id: str
    kind: RunKind
    engine: EngineName
    model: str
    source: JsonObject

    @property
    def meta(self) -> JsonObject:
        """The data of the run's first event."""
        return {"id": self.id, "kind": self.kind.value, "engine": self.engine, "model": self.model or None}


async def create(
    session: AsyncSession,
    new: RunSpec,
    *,
    actor: Actor,
    owner: str,
    lease_seconds: float,
    is_queued: bool,
) -> Run:
    """Insert a run, held by `owner`, with its first event."""
    run = Run(
        id=new.id,
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        created_by_kind=actor.kind,
        created_by_id=actor.id,
        created_by_name=actor.name,
        kind=new.kind.value,
        state=(RunState.QUEUED if is_queued else RunState.RUNNING).value,
        engine=new.engine,
        model=new.model,
        source=new.source,
        result=None,
        error=None,
        created_at=now(),
        lease_owner=owner,
        lease_epoch=FIRST_EPOCH,
        lease_until=DatabaseTime(timedelta(seconds=lease_seconds)),
    )
    meta = Event(event_id(FIRST_EPOCH, 1), "meta", new.meta)
    session.add_all([run, segment_of(actor.workspace_id, new.id, [meta])])
    await session.flush()
    return run


async def begin(session: AsyncSession, lease: Lease) -> bool:
    """Let a queued run begin; False when it is no longer ours or shall not begin any more."""
    begun = await session.scalar(
        select(Run.id)
        .where(*held(Run, lease), Run.state == RunState.QUEUED.value, Run.is_cancel_asked.is_(False))
        .with_for_update()
        .execution_options(**HELD_ROWS),
    )
    if begun is None:
        return False
    await session.execute(
        update(Run)
        .where(*held(Run, lease))
        .values(state=RunState.RUNNING.value, row_version=Run.row_version + 1)
        .execution_options(**HELD_ROWS, synchronize_session=False),
    )
    return True


async def get(session: AsyncSession, *, actor: Actor, run_id: str) -> Run:
    """The run, when it is the actor's own or the actor is an admin of its workspace.

    Raises:
        NotFound: it isn't there, or not theirs.
    """
    run = await session.scalar(_wanted(actor, run_id)) if is_id(run_id) else None
    if run is None:
        raise _not_found()
    return run


async def list_visible(
    session: AsyncSession,
    *,
    actor: Actor,
    kind: RunKind | None,
    state: RunState | None,
    signer: CursorSigner,
    limit: int,
    cursor: str,
) -> Page[Run]:
    """A page of the actor's runs (an admin sees the workspace's), newest first, their results not loaded.

    Raises:
        InvalidArgument: a wrong limit or a foreign cursor.
    """
    conditions = [Run.workspace_id == actor.workspace_id, *_visible(actor)]
    if kind is not None:
        conditions.append(Run.kind == kind.value)
    if state is not None:
        conditions.append(Run.state == state.value)
    filters = {"user": None if _sees_all(actor) else actor.user_id, "kind": kind, "state": state}
    return await page(
        session,
        select(Run).where(*conditions).options(defer(Run.result, raiseload=True)),
        order=[Run.id],
        signer=signer,
        scope=ListScope("runs", actor.workspace_id, filters),
        limit=limit,
        cursor=cursor,
        descending=True,
    )


async def ask_cancel(session: AsyncSession, *, actor: Actor, run_id: str) -> Run:
    """Note that the run shall stop; one that has ended stays as it is.

    Raises:
        NotFound: it isn't there, or not theirs.
    """
    run = await session.scalar(_wanted(actor, run_id).with_for_update()) if is_id(run_id) else None
    if run is None:
        raise _not_found()
    if run.state in OPEN_STATES:
        run.is_cancel_asked = True
    return run


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """What the database has of a run after some id; `is_complete` when nothing will ever follow."""

    events: list[Event]
    is_complete: bool


async def stored_events(
    session: AsyncSession, *, workspace_id: str, run_id: str, after_id: int, limit: int
) -> StoredEvents:
    """At most `limit` segments of saved events after this id, and the end event once nothing else is left.

    Raises:
        NotFound: there is no such run.
    """
    # First the state: when it is final here, every segment is visible to the statement that follows.
    run = (
        await session.execute(
            select(Run.state, Run.end_event_id).where(Run.workspace_id == workspace_id, Run.id == run_id),
        )
    ).one_or_none()
    if run is None:
        raise _not_found()
    rows = await session.scalars(
        select(RunSegment)
        .where(
            RunSegment.workspace_id == workspace_id,
            RunSegment.run_id == run_id,
            RunSegment.last_event_id > after_id,
        )
        .order_by(RunSegment.first_event_id)
        .limit(limit + 1),
    )
    segments = list(rows)
    events = [event for segment in segments[:limit] for event in events_of(segment) if event.id > after_id]
    if run.end_event_id is None or len(segments) > limit:
        return StoredEvents(events, is_complete=False)
    if run.end_event_id > after_id:
        events.append(Event(run.end_event_id, end_name(run.state), {}))
    return StoredEvents(events, is_complete=True)


def segment_of(workspace_id: str, run_id: str, events: list[Event]) -> RunSegment:
    """These consecutive events (at least one) as a row."""
    return RunSegment(
        run_id=run_id,
        first_event_id=events[0].id,
        last_event_id=events[-1].id,
        workspace_id=workspace_id,
        events=[[event.id, event.name, event.data] for event in events],
    )


def events_of(segment: RunSegment) -> list[Event]:
    """The events in a row."""
    entries = cast("list[tuple[int, str, JsonObject]]", segment.events)  # as `segment_of` wrote them
    return [Event(number, name, data) for number, name, data in entries]


def _wanted(actor: Actor, run_id: str) -> Select[Run]:
    return select(Run).where(Run.workspace_id == actor.workspace_id, Run.id == run_id, *_visible(actor))


def _not_found() -> NotFound:
    return NotFound("There is no such run.")


def _sees_all(actor: Actor) -> bool:
    return actor.role >= Role.ADMIN


def _visible(actor: Actor) -> list[ColumnElement[bool]]:
    return [] if _sees_all(actor) else [Run.user_id == actor.user_id]
