"""Runs on the wire."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc
import orjson
from promptsphere.generation.v1 import runs_pb2, runs_pb2_grpc
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.db.paging import CursorSigner, Page
from servicekit.errors import ResourceExhausted, Unavailable, invalid_field
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution import rules
from generation_service.execution.dispatcher import Dispatcher
from generation_service.execution.models import Run
from generation_service.execution.reader import EventReader
from generation_service.execution.starter import RunPlan, RunStarter
from generation_service.execution.values import Event, RunKind, RunState
from generation_service.execution.wire import run_to_wire
from generation_service.runs.planner import RunPlanner
from generation_service.runs.wire import assess_request, enum_word, generate_request

Context = grpc.aio.ServicerContext[Any, Any]


class RunsServicer(runs_pb2_grpc.RunsServiceServicer):
    """Serves `RunsService`."""

    def __init__(
        self,
        database: Database,
        *,
        planner: RunPlanner,
        starter: RunStarter,
        dispatcher: Dispatcher,
        reader: EventReader,
        signer: CursorSigner,
        max_readers: int,
        slow_reader_seconds: float,
    ) -> None:
        self._database = database
        self._planner = planner
        self._starter = starter
        self._dispatcher = dispatcher
        self._reader = reader
        self._signer = signer
        self._max_readers = max_readers
        self._slow_reader_seconds = slow_reader_seconds
        self.open_streams = 0

    async def CreateRun(  # noqa: N802 - the contract's name
        self, request: runs_pb2.CreateRunRequest, context: Context
    ) -> runs_pb2.CreateRunResponse:
        """Start a run."""
        del context
        return await self._starter.start(await self._plan(request))

    async def GetRun(self, request: runs_pb2.GetRunRequest, context: Context) -> runs_pb2.GetRunResponse:  # noqa: N802
        """One run as it is now."""
        del context
        run = await self._starter.current(current_call().actor, request.id)
        return runs_pb2.GetRunResponse(run=run_to_wire(run))

    async def ListRuns(  # noqa: N802 - the contract's name
        self, request: runs_pb2.ListRunsRequest, context: Context
    ) -> runs_pb2.ListRunsResponse:
        """A page of runs."""
        del context
        actor = current_call().actor
        kind = enum_word(runs_pb2.RunKind, request.kind, pointer="/kind") if request.kind else None
        state = enum_word(runs_pb2.RunState, request.state, pointer="/state") if request.state else None

        async def unit(session: AsyncSession) -> Page[Run]:
            return await rules.list_visible(
                session,
                actor=actor,
                kind=RunKind(kind) if kind else None,
                state=RunState(state) if state else None,
                signer=self._signer,
                limit=request.limit,
                cursor=request.cursor,
            )

        page = await self._database.read(unit)
        items = [run_to_wire(run, is_listed=True) for run in page.items]
        return runs_pb2.ListRunsResponse(items=items, next_cursor=page.next_cursor)

    async def CancelRun(  # noqa: N802 - the contract's name
        self, request: runs_pb2.CancelRunRequest, context: Context
    ) -> runs_pb2.CancelRunResponse:
        """Ask a run to stop."""
        del context
        actor = current_call().actor
        run = await self._database.write(lambda session: rules.ask_cancel(session, actor=actor, run_id=request.id))
        self._dispatcher.cancel(run.id)
        return runs_pb2.CancelRunResponse(run=run_to_wire(run))

    async def StreamRun(  # noqa: N802 - the contract's name
        self, request: runs_pb2.StreamRunRequest, context: Context
    ) -> AsyncGenerator[runs_pb2.StreamRunResponse]:
        """The events of a run, until its end."""
        actor = current_call().actor
        if self.open_streams >= self._max_readers:
            raise Unavailable(
                "Too many runs are being followed; try again in a few seconds.",
                reason="overloaded",
                retry_after_seconds=5.0,
            )
        self.open_streams += 1
        try:
            run = await self._starter.current(actor, request.id)
            follow = self._reader.follow(workspace_id=run.workspace_id, run_id=run.id, after_id=request.after_id)
            async with aclosing(follow) as events:
                async for event in events:
                    message = await self._message(actor, run.id, event)
                    if event.is_end:
                        yield message
                    else:
                        await self._send(context, message)
        finally:
            self.open_streams -= 1

    async def _send(self, context: Context, message: runs_pb2.StreamRunResponse) -> None:
        """Write one event; a reader that takes nothing for too long is dropped, its run goes on."""
        limit = asyncio.timeout(self._slow_reader_seconds)
        try:
            async with limit:
                # Not `yield`: only here is it known how long the reader takes. Bytes, as the kit's server relays.
                await context.write(message.SerializeToString())
        except TimeoutError:
            if not limit.expired():
                raise
            raise ResourceExhausted(
                "The events were not read for too long; go on after the last one received.",
                reason="slow_reader",
            ) from None

    async def _message(self, actor: Actor, run_id: str, event: Event) -> runs_pb2.StreamRunResponse:
        if not event.is_end:
            data = orjson.dumps(event.data).decode()
            return runs_pb2.StreamRunResponse(id=event.id, event=event.name, data_json=data)
        run = run_to_wire(await self._starter.current(actor, run_id))
        return runs_pb2.StreamRunResponse(id=event.id, event=event.name, run=run)

    async def _plan(self, request: runs_pb2.CreateRunRequest) -> RunPlan:
        actor = current_call().actor
        if request.HasField("generate"):
            asked = generate_request(request.generate)
            return await self._planner.generate(actor, asked, engine=request.engine, model=request.model)
        if request.HasField("assess"):
            wanted = assess_request(request.assess)
            return await self._planner.assess(actor, wanted, engine=request.engine, model=request.model)
        raise invalid_field("/kind", "must be generate or assess")
