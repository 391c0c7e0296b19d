"""One owner at a time for a row of work: owner, epoch, until, by the clock of the database.

An owner that was stopped and comes back is fenced: whatever it changes names its epoch, which has moved on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, CursorResult, Update, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from servicekit.db.clock import DatabaseTime
from servicekit.db.schema import Name, UtcDateTime

_OPTIONS = {"all_workspaces": "a lease is held by row id and epoch, whoever's the row is"}


class Leased:
    """The columns of a table whose rows are leased. Its primary key is `id`."""

    id: Mapped[str]
    lease_owner: Mapped[str | None] = mapped_column(Name(64))
    lease_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row, until it ends or is taken over.

    Attributes:
        row_id: the row.
        owner: who holds it: a process' name for itself, new at each start.
        epoch: the number of this holding; each acquisition has a higher one.
    """

    row_id: str
    owner: str
    epoch: int


async def acquire(
    session: AsyncSession,
    table: type[Leased],
    row_id: str,
    *,
    owner: str,
    ttl_seconds: float,
) -> Lease | None:
    """Take the row's lease if nobody holds it, with a new epoch; None when somebody does, or no such row."""
    free = or_(table.lease_until.is_(None), table.lease_until <= DatabaseTime())
    taken = await _changed_one(
        session,
        update(table)
        .where(table.id == row_id, free)
        .values(lease_owner=owner, lease_epoch=table.lease_epoch + 1, lease_until=_after(ttl_seconds)),
    )
    if not taken:
        return None
    # The row is locked by our update until we commit: this is our epoch.
    epoch = await session.scalar(
        select(table.lease_epoch).where(table.id == row_id).execution_options(**_OPTIONS),
    )
    return Lease(row_id, owner, int(epoch or 0))


async def renew(session: AsyncSession, table: type[Leased], lease: Lease, *, ttl_seconds: float) -> bool:
    """Hold on for `ttl_seconds` from now; False when the lease is no longer ours: stop the work.

    A lease that has run out and that nobody else took is ours still.
    """
    return await _changed_one(
        session,
        update(table).where(*held(table, lease)).values(lease_until=_after(ttl_seconds)),
    )


async def release(session: AsyncSession, table: type[Leased], lease: Lease) -> bool:
    """Let go, so that anybody may acquire at once; False when it was no longer ours."""
    return await _changed_one(
        session,
        update(table).where(*held(table, lease)).values(lease_owner=None, lease_until=None),
    )


async def find_expired(
    session: AsyncSession,
    table: type[Leased],
    *conditions: ColumnElement[bool],
    limit: int = 100,
) -> Sequence[str]:
    """The ids of at most `limit` rows whose owner is gone: leased, and not renewed in time; oldest first.

    Args:
        session: of any transaction; locks nothing, so `acquire` decides who takes them over.
        table: the leased table.
        conditions: which rows still matter, such as a state that is not terminal.
        limit: bound of the answer.
    """
    expired = (
        select(table.id)
        .where(table.lease_until <= DatabaseTime(), *conditions)
        .order_by(table.lease_until)
        .limit(limit)
        .execution_options(**_OPTIONS)
    )
    return list(await session.scalars(expired))


def held(table: type[Leased], lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """The condition "this lease still is the row's", for the WHERE of whatever its owner changes."""
    return (
        table.id == lease.row_id,
        table.lease_owner == lease.owner,
        table.lease_epoch == lease.epoch,
    )


def _after(ttl_seconds: float) -> DatabaseTime:
    return DatabaseTime(timedelta(seconds=ttl_seconds))


async def _changed_one(session: AsyncSession, statement: Update) -> bool:
    # Not synchronised with loaded objects: the clock is the database's, Python cannot evaluate the condition.
    options = {**_OPTIONS, "synchronize_session": False}
    result = await session.execute(statement, execution_options=options)
    return cast("CursorResult[Any]", result).rowcount == 1
