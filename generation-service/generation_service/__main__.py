"""`python -m generation_service` serves, `python -m generation_service migrate` brings the schema up to date."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import grpc
from promptsphere.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc
from promptsphere.generation.v1 import lint_pb2_grpc, models_pb2_grpc, requirements_pb2_grpc, runs_pb2_grpc
from servicekit import housekeeping, idempotency, service
from servicekit.auth.tokens import PublicKey
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.rpc.client import Channel
from servicekit.service import Running

from generation_service.catalog.servicer import ModelsServicer
from generation_service.composition import Application, open_application
from generation_service.execution.starter import RunStarter
from generation_service.lint.servicer import LintServicer
from generation_service.requirements.servicer import RequirementsServicer
from generation_service.runs.servicer import RunsServicer
from generation_service.settings import GenerationSettings

PURGES = (idempotency.purge,)
"""What housekeeping deletes once it has expired."""


def register(
    server: grpc.aio.Server,
    application: Application,
    *,
    database: Database,
    signer: CursorSigner,
    settings: GenerationSettings,
) -> RunsServicer:
    """Add every servicer of this service; gives the one of runs, whose open streams can be counted."""
    starter = RunStarter(database, application.dispatcher)
    runs = RunsServicer(
        database,
        planner=application.planner,
        starter=starter,
        dispatcher=application.dispatcher,
        reader=application.reader,
        signer=signer,
        max_readers=settings.max_run_readers,
        slow_reader_seconds=settings.slow_reader_seconds,
    )
    requirements = RequirementsServicer(
        database,
        planner=application.parse_planner,
        starter=starter,
        dispatcher=application.dispatcher,
        reader=application.reader,
        pool=application.pool,
    )
    runs_pb2_grpc.add_RunsServiceServicer_to_server(runs, server)
    requirements_pb2_grpc.add_RequirementsServiceServicer_to_server(requirements, server)
    lint_pb2_grpc.add_LintServiceServicer_to_server(LintServicer(application.pool), server)
    models_pb2_grpc.add_ModelsServiceServicer_to_server(ModelsServicer(application.models.catalog), server)
    return runs


@asynccontextmanager
async def compose(running: Running[GenerationSettings]) -> AsyncIterator[None]:
    """Register the servicers, run the runs, and keep auth-service's public keys at hand."""
    settings, database = running.settings, running.database
    channel = Channel(settings.auth_target)
    keys = signing_keys_pb2_grpc.SigningKeysServiceStub(cast("grpc.aio.Channel", channel))

    async def fetch() -> Sequence[PublicKey]:
        response = await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())
        return [PublicKey(kid=key.kid, x=key.x, y=key.y) for key in response.items]

    try:
        async with open_application(settings, database, running.redis) as application:
            register(
                running.server,
                application,
                database=database,
                signer=CursorSigner(settings.secret("cursor")),
                settings=settings,
            )
            running.tasks.spawn("housekeeping", housekeeping.keep_purged(database, PURGES))
            async with service.trust(running, fetch):
                yield
    finally:
        await channel.close()


if __name__ == "__main__":
    sys.exit(
        service.main("generation-service", settings=GenerationSettings, package="generation_service", compose=compose)
    )
