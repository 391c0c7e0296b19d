"""Whose work is next: tenants take turns, and nobody takes the last worker from those with little to do."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from servicekit.errors import Unavailable

_RETRY_AFTER_SECONDS = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    is_large: bool
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """At most `limit` holders; those who wait go round-robin by tenant, in order within one tenant.

    With more than one place, the last goes neither to large work nor to a tenant that holds one already: so a
    neighbour's ordinary text finds a worker while somebody's hostile ones are worked on. For one event loop.

    Args:
        limit: how many may hold a turn at once.
        max_waiting: how many of one tenant may wait; four times as many in all.
        wait_seconds: longest wait of work that may be refused.
    """

    def __init__(self, limit: int, *, max_waiting: int, wait_seconds: float) -> None:
        self._limit = limit
        self._free = limit
        self._max_waiting = max_waiting
        self._wait_seconds = wait_seconds
        self._held: Counter[str] = Counter()
        self._lines: OrderedDict[str, deque[_Waiting]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(len(line) for line in self._lines.values())

    @asynccontextmanager
    async def turn(self, tenant: str, *, is_large: bool = False, is_refusable: bool = True) -> AsyncIterator[None]:
        """Hold one place.

        Raises:
            Unavailable: `overloaded`, too many wait or the wait was too long; not for work that is not refusable.
        """
        await self._enter(tenant, is_large=is_large, is_refusable=is_refusable)
        try:
            yield
        finally:
            self._leave(tenant)

    async def _enter(self, tenant: str, *, is_large: bool, is_refusable: bool) -> None:
        if tenant not in self._lines and self._may_begin(tenant, is_large=is_large):
            self._begin(tenant)
            return
        line = self._lines.get(tenant, ())
        if is_refusable and (len(line) >= self._max_waiting or self.waiting >= 4 * self._max_waiting):
            raise _overloaded()
        waiting = _Waiting(is_large)
        self._lines.setdefault(tenant, deque()).append(waiting)
        try:
            async with asyncio.timeout(self._wait_seconds if is_refusable else None):
                await waiting.turn
        except BaseException as error:
            self._give_up(tenant, waiting)
            if isinstance(error, TimeoutError):
                raise _overloaded() from None
            raise

    def _may_begin(self, tenant: str, *, is_large: bool) -> bool:
        if self._free == 1 < self._limit:
            return not is_large and not self._held[tenant]
        return self._free > 0

    def _begin(self, tenant: str) -> None:
        self._free -= 1
        self._held[tenant] += 1

    def _give_up(self, tenant: str, waiting: _Waiting) -> None:
        if waiting.turn.done() and not waiting.turn.cancelled():
            self._leave(tenant)  # the place was handed over in the very moment of leaving
            return
        self._drop(tenant, waiting)
        self._hand_over()  # who waited behind may begin where the one before might not

    def _drop(self, tenant: str, waiting: _Waiting) -> None:
        line = self._lines.get(tenant, deque())
        if waiting in line:
            line.remove(waiting)
            if not line:
                del self._lines[tenant]

    def _leave(self, tenant: str) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        self._hand_over()

    def _hand_over(self) -> None:
        for tenant in tuple(self._lines):
            waiting = self._lines[tenant][0]
            if waiting.turn.cancelled():  # its task has yet to hear of it, and will hand over again
                self._drop(tenant, waiting)
                continue
            if not self._may_begin(tenant, is_large=waiting.is_large):
                continue
            self._drop(tenant, waiting)
            if tenant in self._lines:
                self._lines.move_to_end(tenant)
            self._begin(tenant)
            waiting.turn.set_result(None)


def _overloaded() -> Unavailable:
    return Unavailable(
        "Too many texts are waiting to be worked on; try again shortly.",
        reason="overloaded",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )
