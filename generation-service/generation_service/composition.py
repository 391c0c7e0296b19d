"""What works on runs in one process, put together: live runs, their keeper, pump, sweeper, and the way to models."""

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from servicekit.db import Database
from servicekit.redis.client import GuardedRedis
from servicekit.tasks import TaskRegistry
from servicekit.workers.pool import PoolLimits, WorkerPool, open_pool

from generation_service.catalog.rules import Catalog, ClientFor, ModelAccess
from generation_service.dashscope.attempts import Usage
from generation_service.dashscope.client import ModelChoice, ModelClient
from generation_service.dashscope.door import Caller, DashScopeDoor, open_door
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.policy import Policy, load_policy
from generation_service.dashscope.wire.transport import Endpoint
from generation_service.execution.context import RunContext
from generation_service.execution.dispatcher import Capacity, Dispatcher
from generation_service.execution.keeper import Keeper, KeepingTimes
from generation_service.execution.live import LiveRuns
from generation_service.execution.pump import Pump
from generation_service.execution.reader import EventReader
from generation_service.execution.redis_events import EventFollower, EventPublisher
from generation_service.execution.sweeper import EstimateUsage, Sweeper
from generation_service.requirements.planner import ParsePlanner
from generation_service.runs.planner import RunPlanner
from generation_service.settings import GenerationSettings
from generation_service.text.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that servicers need."""

    models: ModelAccess
    parse_planner: ParsePlanner
    planner: RunPlanner
    dispatcher: Dispatcher
    keeper: Keeper
    reader: EventReader
    sweeper: Sweeper
    live: LiveRuns
    pool: WorkerPool


@asynccontextmanager
async def open_application(
    settings: GenerationSettings, database: Database, redis: GuardedRedis
) -> AsyncIterator[Application]:
    """Start what works in the background; on leaving, runs at work end or are checkpointed as interrupted."""
    async with AsyncExitStack() as stack:
        policy = load_policy()
        models = await stack.enter_async_context(_model_access(settings, policy))
        pool = await stack.enter_async_context(open_pool(PoolLimits.of(settings)))
        tasks = TaskRegistry()
        stack.push_async_callback(tasks.close)
        live: LiveRuns = {}
        publisher = EventPublisher(redis)
        times = KeepingTimes(lease_seconds=settings.run_lease_seconds)
        keeper = Keeper(database, live, owner=process_name(), times=times)
        sweeper = Sweeper(database, live, publisher, owner=keeper.owner, estimate=usage_estimate(policy))
        dispatcher = Dispatcher(
            database,
            tasks,
            pump=Pump(database, keeper, tasks, limit_seconds=settings.run_limit_seconds),
            keeper=keeper,
            publisher=publisher,
            live=live,
            capacity=Capacity(settings.max_running_runs, settings.max_queued_runs, settings.run_window_seconds),
        )
        reader = EventReader(database, EventFollower(redis), live)
        for name, work in (("keep", keeper), ("publish", publisher), ("sweep", sweeper)):
            tasks.spawn(name, work.run())
        yield Application(
            models,
            ParsePlanner(database, models, pool),
            RunPlanner(database, models, pool),
            dispatcher,
            keeper,
            reader,
            sweeper,
            live,
            pool,
        )
        await dispatcher.drain(settings.run_drain_seconds)


@asynccontextmanager
async def _model_access(settings: GenerationSettings, policy: Policy) -> AsyncIterator[ModelAccess]:
    """The catalog, and the door to the provider when there is a key to it."""
    choice = ModelChoice(settings.parse_model, settings.write_model, settings.judge_model)
    has_key = bool(settings.dashscope_api_key)
    catalog = Catalog(settings.default_engine, has_key, choice, policy.models)
    if not has_key:
        yield ModelAccess(catalog, None)
        return
    endpoint = Endpoint(settings.dashscope_base_url, settings.dashscope_api_key, settings.model_proxy_url)
    async with open_door(endpoint, policy, limits=door_limits(settings)) as door:
        yield ModelAccess(catalog, clients(door, choice))


def door_limits(settings: GenerationSettings) -> Limits:
    """How long the door waits, as it is set; everything else as the door itself has it."""
    return Limits(
        connect_timeout_seconds=settings.model_connect_seconds,
        first_byte_timeout_seconds=settings.model_first_byte_seconds,
        idle_timeout_seconds=settings.model_idle_seconds,
        structured_timeout_seconds=settings.model_structured_seconds,
    )


def clients(door: DashScopeDoor, choice: ModelChoice) -> ClientFor:
    """Model clients on one door; a run's model writes, the others stay as they are set."""

    def client_for(run: RunContext, model: str) -> ModelClient:
        return ModelClient(door, Caller(run.attempts, tenant=run.workspace_id), replace(choice, write=model))

    return client_for


def usage_estimate(policy: Policy) -> EstimateUsage:
    """What an attempt has cost whose end nobody heard."""

    def estimate(model: str, input_tokens: int, text: str) -> Usage:
        output_tokens = estimate_tokens(text)
        cost = policy.model(model).cost(input_tokens=input_tokens, output_tokens=output_tokens)
        return Usage(input_tokens, output_tokens, 0, cost, estimated=True)

    return estimate


def process_name() -> str:
    """A name for this process as the owner of leases, new at each start."""
    return f"{socket.gethostname()[:32]}-{os.getpid()}-{secrets.token_hex(6)}"
