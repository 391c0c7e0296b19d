"""Requirements on the wire."""

import asyncio
from contextlib import aclosing
from typing import Any

import grpc
import orjson
from promptsphere.generation.v1 import requirements_pb2, requirements_pb2_grpc, runs_pb2
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.rpc.call import current_call
from sqlalchemy.exc import IntegrityError

from generation_service.requirements import rules
from generation_service.requirements.domain import Form, Requirement
from generation_service.requirements.pipeline import ParseOrder, by_rules, keep
from generation_service.requirements.rules import Understood
from generation_service.runs.dispatcher import Dispatcher
from generation_service.runs.orders import Orders
from generation_service.runs.reader import EventReader
from generation_service.runs.servicer import RunStarter
from generation_service.runs.wire import usage_to_wire

ANSWER_SECONDS = 19.0
"""How long a model may keep the caller waiting before the rules answer."""


class RequirementsServicer(requirements_pb2_grpc.RequirementsServiceServicer):
    """Serves `RequirementsService`."""

    def __init__(
        self,
        database: Database,
        *,
        orders: Orders,
        starter: RunStarter,
        dispatcher: Dispatcher,
        reader: EventReader,
    ) -> None:
        self._database = database
        self._orders = orders
        self._starter = starter
        self._dispatcher = dispatcher
        self._reader = reader

    async def CreateRequirement(  # noqa: N802 - the contract's name
        self,
        request: requirements_pb2.CreateRequirementRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> requirements_pb2.CreateRequirementResponse:
        """Parse a description: a run of kind `parse`, waited for."""
        del context
        actor = current_call().actor
        wish, order = self._orders.parse(request.description, request.language)
        run = await self._starter.start(wish)
        await self._wait_for(actor, run.id)
        understood = await self._answer(actor, run.id, order)
        usage = usage_to_wire(await self._starter.current(actor, run.id))
        return requirements_pb2.CreateRequirementResponse(requirement=_to_wire(understood, usage))

    async def _wait_for(self, actor: Actor, run_id: str) -> None:
        """Wait until the run has ended; past its time, stop it."""
        limit = asyncio.timeout(ANSWER_SECONDS)
        follow = self._reader.follow(workspace_id=actor.workspace_id, run_id=run_id, after_id=0)
        try:
            async with limit, aclosing(follow) as events:
                async for _event in events:
                    pass
        except TimeoutError:
            if not limit.expired():
                raise
            self._dispatcher.cancel(run_id)

    async def _answer(self, actor: Actor, run_id: str, order: ParseOrder) -> Understood:
        """What the run understood; what the rules understand, when it came to nothing."""
        understood = await self._find(actor, run_id)
        if understood is not None:
            return understood
        understood = await by_rules(run_id, order, fallback=True)
        try:
            await keep(self._database, understood, workspace_id=actor.workspace_id)
        except IntegrityError:
            # The run, or a repeat of this call, was faster after all.
            return await self._find(actor, run_id) or understood
        return understood

    async def _find(self, actor: Actor, run_id: str) -> Understood | None:
        return await self._database.read(
            lambda session: rules.find(session, workspace_id=actor.workspace_id, requirement_id=run_id)
        )


def _to_wire(understood: Understood, usage: runs_pb2.Usage) -> requirements_pb2.Requirement:
    parsed = understood.parsed
    wire = requirements_pb2.Requirement(
        id=understood.id,
        description=parsed.description,
        language=parsed.language,
        input_class=parsed.input_class.value,
        requirements=[_item(one) for one in parsed.requirements],
        unknowns=[
            requirements_pb2.Unknown(id=one.id, question=one.question, why=one.why, impact=one.impact)
            for one in parsed.unknowns
        ],
        form=_form(understood.form),
        engine=understood.engine,
        usage=usage,
    )
    wire.created_at.FromDatetime(understood.created_at)
    return wire


def _item(requirement: Requirement) -> requirements_pb2.RequirementItem:
    return requirements_pb2.RequirementItem(
        id=requirement.id,
        kind=requirement.kind.value,
        text=requirement.text,
        source_quote=requirement.source_quote or "",
        priority=requirement.priority,
        inferred=requirement.inferred,
    )


def _form(form: Form) -> requirements_pb2.Form:
    return requirements_pb2.Form(
        schema_json=orjson.dumps(form.schema).decode(),
        ui_json=orjson.dumps(form.ui).decode(),
        prefill_json=orjson.dumps(form.prefill).decode(),
        fallback=form.fallback,
    )
