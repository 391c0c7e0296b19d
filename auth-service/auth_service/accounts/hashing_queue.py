"""A bounded queue for the one hashing thread: one at a time, the least suspicious first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from servicekit.errors import Unavailable

RETRY_AFTER_SECONDS = 1.0


@dataclass(order=True, slots=True)
class _Waiting:
    suspicion: int
    number: int
    granted: asyncio.Future[None] = field(compare=False)


class HashingQueue:
    """Grants one turn after another.

    Who waits is served by suspicion (how many failures its address has), then by arrival; when `size` are waiting, the
    most suspicious is refused. So a storm of guesses delays those who guess, not those who sign in.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[_Waiting] = []
        self._is_taken = False
        self._arrivals = 0

    @asynccontextmanager
    async def turn(self, *, suspicion: int) -> AsyncIterator[None]:
        """Hold the turn inside the context.

        Raises:
            Unavailable: `overloaded`, too many wait already, or came later and are less suspicious.
        """
        await self._take(suspicion)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, suspicion: int) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        self._arrivals += 1
        mine = _Waiting(suspicion, self._arrivals, asyncio.get_running_loop().create_future())
        if len(self._waiting) >= self._size:
            self._refuse_worst(mine)
        heapq.heappush(self._waiting, mine)
        try:
            await mine.granted
        except asyncio.CancelledError:
            if mine.granted.done() and not mine.granted.cancelled() and mine.granted.exception() is None:
                self._pass_on()  # granted in the moment of leaving
            else:
                self._forget(mine)
            raise

    def _refuse_worst(self, newcomer: _Waiting) -> None:
        worst = max(self._waiting)
        if worst < newcomer:
            raise _overloaded()
        self._forget(worst)
        if not worst.granted.done():  # it may have been cancelled and not have run since
            worst.granted.set_exception(_overloaded())

    def _forget(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            heapq.heapify(self._waiting)

    def _pass_on(self) -> None:
        while self._waiting:
            best = heapq.heappop(self._waiting)
            if not best.granted.done():
                best.granted.set_result(None)
                return
        self._is_taken = False


def _overloaded() -> Unavailable:
    return Unavailable(
        "Too many people are signing in at this moment; try again in a second.",
        reason="overloaded",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
