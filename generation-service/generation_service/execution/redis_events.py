"""Events on their way to readers in other processes: a Redis Stream for each run, best effort.

What Redis loses, a reader finds in the database; so nothing here is retried, and a gap is not an error.
"""

import asyncio
from collections import deque
from typing import Any, Final, cast

import orjson
from redis.asyncio import Redis
from servicekit.redis.client import GuardedRedis, RedisUnavailable

from generation_service.execution.values import Event

STREAM_TTL_SECONDS: Final = 600
STREAM_MAX_EVENTS: Final = 10_000
READ_MAX_EVENTS: Final = 500
QUEUE_MAX_EVENTS: Final = 20_000
BATCH_EVENTS: Final = 200


def stream_key(run_id: str) -> str:
    """Where the run's events are."""
    return f"run:{run_id}"


class EventPublisher:
    """Sends the events of all runs of this process, those that came together in one pipeline."""

    def __init__(self, redis: GuardedRedis) -> None:
        self._redis = redis
        # When Redis is slower than we are, the oldest are dropped: the database has them.
        self._queue: deque[tuple[str, Event]] = deque(maxlen=QUEUE_MAX_EVENTS)
        self._filled = asyncio.Event()

    def put(self, run_id: str, event: Event) -> None:
        """Send the event soon, if Redis is there."""
        self._queue.append((run_id, event))
        self._filled.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                count = min(len(self._queue), BATCH_EVENTS)
                await self._send([self._queue.popleft() for _ in range(count)])

    async def _send(self, batch: list[tuple[str, Event]]) -> None:
        async def operation(client: Redis) -> None:
            pipeline = client.pipeline(transaction=False)
            for run_id, event in batch:
                pipeline.xadd(
                    stream_key(run_id),
                    {"event": event.name, "data": orjson.dumps(event.data)},
                    id=f"{event.id}-0",
                    maxlen=STREAM_MAX_EVENTS,
                    approximate=True,
                )
            for run_id in {run_id for run_id, _event in batch}:
                pipeline.expire(stream_key(run_id), STREAM_TTL_SECONDS)
            # An id that is not higher than the last (a fenced owner's, a repeat) is refused, as it should be.
            await pipeline.execute(raise_on_error=False)

        try:
            await self._redis.run(operation)
        except RedisUnavailable:
            return


class EventFollower:
    """Reads the events of runs that other processes hold."""

    def __init__(self, redis: GuardedRedis, *, max_readers: int = 200) -> None:
        self._redis = redis
        # Each waiting read occupies a connection; beyond the bound readers look into the database instead.
        self._places = asyncio.Semaphore(max_readers)

    async def read(self, run_id: str, *, after_id: int, wait_seconds: float) -> list[Event]:
        """The events after this id, waiting for one up to `wait_seconds`; empty when none came.

        Raises:
            RedisUnavailable: Redis is away, or all places are taken.
        """
        if self._places.locked():
            raise RedisUnavailable("all places for waiting readers are taken")
        async with self._places:
            entries = await self._redis.run_blocking(
                lambda client: client.xread(
                    {stream_key(run_id): f"{after_id}-0"},
                    count=READ_MAX_EVENTS,
                    block=max(1, int(wait_seconds * 1000)),
                ),
                wait_seconds=wait_seconds,
            )
        return [_event(number, fields) for _key, found in _streams(entries) for number, fields in found]


def _streams(answer: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    # redis-py gives a list with RESP2 and a mapping with RESP3, or nothing.
    if not answer:
        return []
    pairs = answer.items() if isinstance(answer, dict) else answer
    return cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", list(pairs))


def _event(number: bytes, fields: dict[bytes, bytes]) -> Event:
    return Event(int(number.split(b"-", 1)[0]), fields[b"event"].decode(), orjson.loads(fields[b"data"]))
