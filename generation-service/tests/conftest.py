"""A generation-service in this process: real gRPC, real database, real Redis; as many instances as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from generation_service.__main__ import register
from generation_service.composition import Application, open_application
from generation_service.execution import rules
from generation_service.execution.context import Job
from generation_service.execution.rules import RunSpec
from generation_service.execution.values import RunKind
from generation_service.runs.servicer import RunsServicer
from generation_service.settings import GenerationSettings
from generation_service_testing import door, model_client, rows, short_limits
from promptsphere.generation.v1 import (
    lint_pb2_grpc,
    models_pb2_grpc,
    requirements_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from servicekit.auth.identity import Actor, Role
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.ids import new_id
from servicekit.migrations.revisions import script_location
from servicekit.migrations.runner import migrate
from servicekit.redis.client import GuardedRedis
from servicekit.testing.rpc import Pairs, Testbed, serving

__all__ = ["door", "model_client", "rows", "short_limits"]


@dataclass(frozen=True)
class Instance:
    """One process of the service, as a test sees it."""

    testbed: Testbed
    application: Application
    database: Database
    servicer: RunsServicer
    workspace_id: str
    user_id: str

    @property
    def runs(self) -> runs_pb2_grpc.RunsServiceStub:
        return runs_pb2_grpc.RunsServiceStub(self.testbed.channel)

    @property
    def requirements(self) -> requirements_pb2_grpc.RequirementsServiceStub:
        return requirements_pb2_grpc.RequirementsServiceStub(self.testbed.channel)

    @property
    def lint(self) -> lint_pb2_grpc.LintServiceStub:
        return lint_pb2_grpc.LintServiceStub(self.testbed.channel)

    @property
    def models(self) -> models_pb2_grpc.ModelsServiceStub:
        return models_pb2_grpc.ModelsServiceStub(self.testbed.channel)

    def me(self, role: str = "editor", **other: str) -> Pairs:
        """Metadata of the test's own user, or of whom `other` names."""
        whom = {"workspace_id": self.workspace_id, "user_id": self.user_id, **other}
        return self.testbed.as_user(role=role, workspace_id=whom["workspace_id"], user_id=whom["user_id"])

    async def work(self, job: Job, *, run_id: str = "") -> str:
        """Start a run of this user that does `job`."""
        actor = Actor("user", self.user_id, self.user_id, "测试", self.workspace_id, Role.EDITOR, new_id())
        new = RunSpec(run_id or new_id(), RunKind.GENERATE, "rules", "", {})
        dispatcher = self.application.dispatcher
        with dispatcher.admission() as admission:
            is_queued = admission.take()
            await self.database.write(
                lambda session: rules.create(
                    session,
                    new,
                    actor=actor,
                    owner=dispatcher.owner,
                    lease_seconds=dispatcher.lease_seconds,
                    is_queued=is_queued,
                )
            )
            admission.start(new, workspace_id=self.workspace_id, job=job)
        return new.id

    async def events(self, run_id: str, *, after_id: int = 0) -> list[runs_pb2.StreamRunResponse]:
        """All events after this id, to the end."""
        request = runs_pb2.StreamRunRequest(id=run_id, after_id=after_id)
        return await rest(self.runs.StreamRun(request, metadata=self.me(), timeout=30))

    async def finished(self, run_id: str) -> runs_pb2.Run:
        """The run, once it has ended."""
        events = await self.events(run_id)
        return events[-1].run


async def rest(call: Any) -> list[runs_pb2.StreamRunResponse]:
    """What is still to come of a stream."""
    events = []
    while (event := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # not in the stubs
        events.append(event)
    return events


Start = Callable[..., Awaitable[Instance]]


@pytest.fixture
async def start_service(database_url: str) -> AsyncIterator[Start]:
    """Starts instances on one database; by default without Redis and with the rules engine."""
    migrate(database_url, script_location("generation_service"))
    workspace_id, user_id = new_id(), new_id()
    async with AsyncExitStack() as stack:

        async def start(redis_url: str = "", **settings: object) -> Instance:
            chosen = GenerationSettings(**{"run_drain_seconds": 0, **settings})  # type: ignore[arg-type]
            database = Database(database_url)
            stack.push_async_callback(database.close)
            redis = GuardedRedis(redis_url, timeout_seconds=0.5)
            stack.push_async_callback(redis.close)
            application = await stack.enter_async_context(open_application(chosen, database, redis))
            servicers: list[RunsServicer] = []
            signer = CursorSigner(b"a cursor secret for tests")
            testbed = await stack.enter_async_context(
                serving(
                    lambda server: servicers.append(
                        register(server, application, database=database, signer=signer, settings=chosen)
                    )
                )
            )
            return Instance(testbed, application, database, servicers[0], workspace_id, user_id)

        yield start


@pytest.fixture
async def instance(start_service: Start) -> Instance:
    """One process with the rules engine and without Redis."""
    return await start_service()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits for a condition that another task will make true."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - the state of another task, which has no event for it
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def read_rest() -> Callable[[Any], Awaitable[list[runs_pb2.StreamRunResponse]]]:
    """Reads what is still to come of a stream."""
    return rest
