"""The fair queue before the provider: a bounded number of calls at once, and tenants take turns."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from servicekit.errors import Unavailable

_RETRY_AFTER_SECONDS = 5.0


class FairQueue:
    """At most `limit` holders; those who wait are served round-robin by tenant, in order within one tenant.

    The provider's limits belong to the account, so without turns one busy workspace would starve the others.
    For one event loop.
    """

    def __init__(self, limit: int, max_waiting: int) -> None:
        self._free = limit
        self._max_waiting = max_waiting
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(len(line) for line in self._lines.values())

    @asynccontextmanager
    async def slot(self, tenant: str, *, deadline: float) -> AsyncIterator[None]:
        """Hold one slot. Raises Unavailable (`overloaded`) when the queue is full or the deadline passes."""
        await self._enter(tenant, deadline)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, tenant: str, deadline: float) -> None:
        if self._free > 0:
            self._free -= 1
            return
        if self.waiting >= self._max_waiting:
            raise _overloaded()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(tenant, deque()).append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            self._give_up(tenant, turn)
            if isinstance(error, TimeoutError):
                raise _overloaded() from None
            raise

    def _give_up(self, tenant: str, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self._leave()  # the slot was handed over in the very moment of leaving
            return
        line = self._lines.get(tenant)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._lines[tenant]

    def _leave(self) -> None:
        while self._lines:
            tenant, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[tenant] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _overloaded() -> Unavailable:
    return Unavailable(
        "Too many model calls are waiting; try again shortly.",
        reason="overloaded",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )
