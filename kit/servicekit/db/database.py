"""One service's database: transactions that retry where that is safe, else say `Unavailable`."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Literal, TypeVar

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

from servicekit.db import connections, faults

T = TypeVar("T")
Unit = Callable[[AsyncSession], Awaitable[T]]

MAX_TRIES = 3
UNIT_LIMIT_SECONDS = 10.0
# More than the wait for the pool, so that "all are busy" is not taken for a dead server.
PING_LIMIT_SECONDS = 2.5


class _ReadingSession(Session):
    """The session of `read`, which refuses to flush."""


@event.listens_for(_ReadingSession, "before_flush")
def _refuse_flush(_session: Session, _context: object, _instances: object) -> None:
    raise RuntimeError("a unit given to Database.read changed something; give it to Database.write")


class Database:
    """Transactions on one service's schema, on MySQL, MariaDB or SQLite alike.

    A row is locked with `select(...).with_for_update()`: MySQL takes the row lock; SQLite ignores it, where a
    write unit holds the only write lock from its first statement on (`BEGIN IMMEDIATE`).
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        max_overflow: int = 20,
        statement_limit_seconds: float = connections.STATEMENT_LIMIT_SECONDS,
    ) -> None:
        self.engine = connections.open_engine(
            url,
            pool_size=pool_size,
            max_overflow=max_overflow,
            statement_limit_seconds=statement_limit_seconds,
        )
        self.dialect: Literal["sqlite", "mysql"] = "sqlite" if self.engine.dialect.name == "sqlite" else "mysql"
        self._write_lock = asyncio.Lock() if self.dialect == "sqlite" else None
        self._after_deadlock = asyncio.Lock()
        self._pool_renewed_at = 0.0
        self._writing = async_sessionmaker(
            self.engine.execution_options(**{connections.BEGIN_OPTION: "BEGIN IMMEDIATE"}),
            expire_on_commit=False,
        )
        self._reading = async_sessionmaker(
            self.engine,
            expire_on_commit=False,
            sync_session_class=_ReadingSession,
        )

    async def write(self, unit: Unit[T], *, limit_seconds: float = UNIT_LIMIT_SECONDS) -> T:
        """Run `unit` in one transaction and commit it.

        After a deadlock, a lock wait or a busy SQLite file the whole unit runs again, in a new session, at
        most three times in all: it must change nothing but the database. Cancelled, it rolls back.

        Args:
            unit: gets the session; may flush, never commits.
            limit_seconds: for all tries together.

        Raises:
            Unavailable: the database did not answer; whether a commit under way was made is not known.
            Contended: every try lost against others; nothing was changed.
        """
        return await self._bounded(self._write_with_retries(unit), limit_seconds)

    async def read(self, unit: Unit[T], *, limit_seconds: float = UNIT_LIMIT_SECONDS) -> T:
        """Run `unit` in one transaction that changes nothing; once more when its connection was lost meanwhile.

        Raises:
            Unavailable: the database did not answer.
            RuntimeError: the unit tried to change something through the session.
        """
        return await self._bounded(self._read_with_retry(unit), limit_seconds)

    async def ping(self) -> None:
        """Ask the database for a sign of life, for at most 2.5 seconds.

        Raises:
            Unavailable: there was none.
        """

        async def select_one(session: AsyncSession) -> None:
            await session.execute(text("SELECT 1"))

        await self.read(select_one, limit_seconds=PING_LIMIT_SECONDS)

    async def close(self) -> None:
        """Close all connections; call it last."""
        await self.engine.dispose()

    async def _write_with_retries(self, unit: Unit[T]) -> T:
        turn: AbstractAsyncContextManager[object] = nullcontext()
        for tries in range(1, MAX_TRIES + 1):
            try:
                async with turn:
                    return await self._write_once(unit)
            except Exception as error:
                if not faults.is_contention(error):
                    raise
                if tries == MAX_TRIES:
                    raise faults.contended() from error
                if faults.is_deadlock(error):
                    # Who retries after a deadlock does so one at a time: in a storm of writers that lock in
                    # any order, three tries side by side would just meet again.
                    turn = self._after_deadlock
            # Jitter, so that those who collided do not meet again.
            await asyncio.sleep(random.uniform(0.2, 1.0) * 0.02 * 2**tries)  # noqa: S311 - no secret
        raise AssertionError("unreachable: the last try returns or raises")

    async def _write_once(self, unit: Unit[T]) -> T:
        async with self._write_lock or nullcontext(), self._writing() as session, session.begin():
            return await unit(session)

    async def _read_with_retry(self, unit: Unit[T]) -> T:
        try:
            return await self._read_once(unit)
        except DBAPIError as error:
            # Cut in the middle of a statement: what only reads can be asked again, on a connection made afresh.
            if not error.connection_invalidated or _cancellations():
                raise
        return await self._read_once(unit)

    async def _read_once(self, unit: Unit[T]) -> T:
        async with self._reading() as session:
            return await unit(session)

    async def _bounded(self, running: Awaitable[T], limit_seconds: float) -> T:
        limit = asyncio.timeout(limit_seconds)
        cancelled_before = _cancellations()
        try:
            async with limit:
                return await running
        except TimeoutError as error:
            if not limit.expired():
                raise
            await self._renew_pool()
            raise faults.unreachable("it did not answer in time") from error
        except Exception as error:
            if _cancellations() > cancelled_before:
                # The driver closed the connection, and rolling back on it failed: that must not hide the cancellation.
                raise asyncio.CancelledError from error
            answer = faults.translated(error)
            if answer is None:
                raise
            raise answer from error

    async def _renew_pool(self) -> None:
        # A server that swallowed packets leaves connections that look alive: none of them is worth a ping
        # that may hang as well. Once a second is enough, the newest ones are good again.
        if self.dialect == "mysql" and time.monotonic() - self._pool_renewed_at > 1.0:
            self._pool_renewed_at = time.monotonic()
            await self.engine.dispose()


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0
