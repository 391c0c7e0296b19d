"""From a plan to a run that is committed and at work or queued."""

from dataclasses import dataclass

from servicekit import idempotency
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution import rules
from generation_service.execution.context import Job
from generation_service.execution.dispatcher import Admission, Dispatcher
from generation_service.execution.models import Run
from generation_service.execution.rules import RunSpec
from generation_service.execution.wire import StartedRun, run_to_wire


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run to be started, and the work that it does."""

    spec: RunSpec
    job: Job


class RunStarter:
    """Starts a run once for each idempotency key, whatever RPC asks for it."""

    def __init__(self, database: Database, dispatcher: Dispatcher) -> None:
        self._database = database
        self._dispatcher = dispatcher

    async def start(self, plan: RunPlan) -> StartedRun:
        """The run, committed and at work or queued; in a repeat, the first one as it is now.

        Raises:
            Unavailable: `overloaded`.
        """
        call = current_call()
        with self._dispatcher.admission() as admission:

            async def unit(session: AsyncSession) -> StartedRun:
                run = await self._insert(session, plan, call.actor, admission)
                return StartedRun(run=run_to_wire(run))

            response = await idempotency.once(self._database, StartedRun, unit)
            if call.is_replay:
                return StartedRun(run=run_to_wire(await self.current(call.actor, response.run.id)))
            admission.start(plan.spec, workspace_id=call.actor.workspace_id, job=plan.job)
        return response

    async def current(self, actor: Actor, run_id: str) -> Run:
        """The run as it is now. Raises NotFound."""
        return await self._database.read(lambda session: rules.get(session, actor=actor, run_id=run_id))

    async def _insert(self, session: AsyncSession, plan: RunPlan, actor: Actor, admission: Admission) -> Run:
        return await rules.create(
            session,
            plan.spec,
            actor=actor,
            owner=self._dispatcher.owner,
            lease_seconds=self._dispatcher.lease_seconds,
            is_queued=admission.take(),
        )
