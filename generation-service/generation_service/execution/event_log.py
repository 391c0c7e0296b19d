"""The events of one live run, in the memory of its owner."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from servicekit.json_types import JsonObject

from generation_service.execution.values import EPOCH_BITS, Event, event_id

Listener = Callable[[Event], None]


class EventLog:
    """Gives events their ids, keeps them all until the run is forgotten, and wakes who waits for more.

    For one event loop: its methods do not await, but for `follow`.
    """

    def __init__(self, *, epoch: int, on_event: Listener) -> None:
        self._epoch = epoch
        self._on_event = on_event
        self._events: list[Event] = []
        self._saved = 0
        self._is_closed = False
        self._changed = asyncio.Event()

    @property
    def next_id(self) -> int:
        """The id that the next event will have."""
        return event_id(self._epoch, len(self._events) + 1)

    @property
    def unsaved(self) -> list[Event]:
        """The events that the database does not have, or may not have."""
        return self._events[self._saved :]

    def append(self, name: str, data: JsonObject) -> Event:
        """Give an event its id and let readers see it."""
        event = Event(self.next_id, name, data)
        if len(self._events) + 1 >= 1 << EPOCH_BITS:
            raise OverflowError("a run has more events than an epoch has ids")
        self._events.append(event)
        self._wake()
        self._on_event(event)
        return event

    def saved_up_to(self, last_id: int) -> None:
        """Note that the database has all events up to this id."""
        self._saved = max(self._saved, last_id - event_id(self._epoch, 0))

    def close(self) -> None:
        """No event follows: after the end event, or because the run is somebody else's now."""
        self._is_closed = True
        self._wake()

    async def follow(self, after_id: int) -> AsyncGenerator[Event]:
        """The events after this id, those to come included, until the log is closed."""
        index = max(0, min(after_id - event_id(self._epoch, 0), len(self._events)))
        while True:
            changed = self._changed
            while index < len(self._events):
                event = self._events[index]
                index += 1
                if event.id > after_id:
                    yield event
            if self._is_closed:
                return
            if changed is self._changed:
                await changed.wait()

    def _wake(self) -> None:
        # Each waiter holds the event of its moment; a new one stands for the next change.
        self._changed.set()
        self._changed = asyncio.Event()


class DeltaStream:
    """Joins pieces of text into few events: the first at once, then one in each window.

    What is joined is joined before it gets an id, so every reader sees the same pieces.
    """

    def __init__(self, log: EventLog, *, window_seconds: float) -> None:
        self._log = log
        self._window_seconds = window_seconds
        self._pending: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = float("-inf")

    def add(self, text: str) -> None:
        """Send now or within the window."""
        if not text:
            return
        self._pending.append(text)
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        due = self._sent_at + self._window_seconds
        if loop.time() >= due:
            self.flush()
        else:
            self._timer = loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Send what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            self._sent_at = asyncio.get_running_loop().time()
            self._log.append("delta", {"text": text})
