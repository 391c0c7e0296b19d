"""Requirements on the wire."""

import asyncio
from contextlib import aclosing
from typing import Any

import grpc
from promptsphere.generation.v1 import requirements_pb2, requirements_pb2_grpc
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.rpc.call import current_call
from servicekit.workers.pool import WorkerPool
from sqlalchemy.exc import IntegrityError

from generation_service.execution.dispatcher import Dispatcher
from generation_service.execution.reader import EventReader
from generation_service.execution.starter import RunStarter
from generation_service.execution.wire import usage_to_wire
from generation_service.requirements import rules
from generation_service.requirements.budget import WAIT_SECONDS
from generation_service.requirements.pipeline import ParseInput, by_rules, keep
from generation_service.requirements.planner import ParsePlanner
from generation_service.requirements.rules import RequirementSet
from generation_service.requirements.wire import requirement_to_wire


class RequirementsServicer(requirements_pb2_grpc.RequirementsServiceServicer):
    """Serves `RequirementsService`."""

    def __init__(
        self,
        database: Database,
        *,
        planner: ParsePlanner,
        starter: RunStarter,
        dispatcher: Dispatcher,
        reader: EventReader,
        pool: WorkerPool,
    ) -> None:
        self._database = database
        self._planner = planner
        self._starter = starter
        self._dispatcher = dispatcher
        self._reader = reader
        self._pool = pool

    async def CreateRequirement(  # noqa: N802 - the contract's name
        self,
        request: requirements_pb2.CreateRequirementRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> requirements_pb2.CreateRequirementResponse:
        """Parse a description: a run of kind `parse`, waited for."""
        del context
        actor = current_call().actor
        plan, parse_input = self._planner.plan(request.description, request.language)
        run = (await self._starter.start(plan)).run
        await self._wait_for(actor, run.id)
        understood = await self._answer(actor, run.id, parse_input)
        usage = usage_to_wire(await self._starter.current(actor, run.id))
        return requirements_pb2.CreateRequirementResponse(requirement=requirement_to_wire(understood, usage))

    async def _wait_for(self, actor: Actor, run_id: str) -> None:
        """Wait until the run has ended; past its time, stop it."""
        limit = asyncio.timeout(WAIT_SECONDS)
        follow = self._reader.follow(workspace_id=actor.workspace_id, run_id=run_id, after_id=0)
        try:
            async with limit, aclosing(follow) as events:
                async for _event in events:
                    pass
        except TimeoutError:
            if not limit.expired():
                raise
            self._dispatcher.cancel(run_id)

    async def _answer(self, actor: Actor, run_id: str, parse_input: ParseInput) -> RequirementSet:
        """What the run understood; what the rules understand, when it came to nothing."""
        understood = await self._find(actor, run_id)
        if understood is not None:
            return understood
        understood = await by_rules(
            run_id, parse_input, fallback=True, pool=self._pool, workspace_id=actor.workspace_id
        )
        try:
            await keep(self._database, understood, workspace_id=actor.workspace_id)
        except IntegrityError:
            # The run, or a repeat of this call, was faster after all.
            return await self._find(actor, run_id) or understood
        return understood

    async def _find(self, actor: Actor, run_id: str) -> RequirementSet | None:
        return await self._database.read(
            lambda session: rules.find(session, workspace_id=actor.workspace_id, requirement_id=run_id)
        )
