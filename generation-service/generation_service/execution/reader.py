"""Reading a run from wherever it is (our memory, else Redis, else the database): always the same events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from servicekit.db import Database
from servicekit.redis.client import RedisUnavailable
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution import rules
from generation_service.execution.live import LiveRuns
from generation_service.execution.redis_events import EventFollower
from generation_service.execution.rules import StoredEvents
from generation_service.execution.values import Event

SEGMENTS_A_READ = 50
REDIS_WAIT_SECONDS = 1.0
POLL_SECONDS = 0.25


class EventReader:
    """Follows runs. Holds no database session while it waits."""

    def __init__(self, database: Database, follower: EventFollower, live: LiveRuns) -> None:
        self._database = database
        self._follower = follower
        self._live = live

    async def follow(self, *, workspace_id: str, run_id: str, after_id: int) -> AsyncGenerator[Event]:
        """The events after this id, those to come included; ends after the end event.

        Wrap it in `contextlib.aclosing`.

        Raises:
            NotFound: there is no such run.
            Unavailable: the database is away and the run is not here.
        """
        position = after_id
        live = self._live.get(run_id)
        if live is not None and live.workspace_id == workspace_id:
            async with aclosing(live.log.follow(position)) as events:
                async for event in events:
                    position = event.id
                    yield event
                    if event.is_end:
                        return
        async with aclosing(self._elsewhere(workspace_id, run_id, position)) as events:
            async for event in events:
                yield event

    async def _elsewhere(self, workspace_id: str, run_id: str, position: int) -> AsyncGenerator[Event]:
        while True:
            stored = await self._stored(workspace_id, run_id, position)
            for event in stored.events:
                position = event.id
                yield event
            if stored.is_complete:
                return
            if stored.events:
                continue  # there may be more segments than one read gives
            async with aclosing(self._following(run_id, position)) as events:
                async for event in events:
                    position = event.id
                    yield event

    async def _following(self, run_id: str, position: int) -> AsyncGenerator[Event]:
        """Events from Redis as long as each follows the one before; any doubt sends us back to the database.

        So does the end event: only the database says how a run ended, and what an earlier owner saved before.
        """
        while True:
            try:
                events = await self._follower.read(run_id, after_id=position, wait_seconds=REDIS_WAIT_SECONDS)
            except RedisUnavailable:
                await asyncio.sleep(POLL_SECONDS)
                return
            if not events:
                return
            for event in events:
                if event.id != position + 1:
                    # The database is up to half a second behind; asking at once would only ask often.
                    await asyncio.sleep(POLL_SECONDS)
                    return
                if event.is_end:
                    return
                position = event.id
                yield event

    async def _stored(self, workspace_id: str, run_id: str, after_id: int) -> StoredEvents:
        async def unit(session: AsyncSession) -> StoredEvents:
            return await rules.stored_events(
                session, workspace_id=workspace_id, run_id=run_id, after_id=after_id, limit=SEGMENTS_A_READ
            )

        return await self._database.read(unit)
