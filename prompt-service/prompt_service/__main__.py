"""`python -m prompt_service` serves, `python -m prompt_service migrate` brings the schema up to date."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import grpc
from promptsphere.auth.v1 import signing_keys_pb2, signing_keys_pb2_grpc
from promptsphere.prompt.v1 import delivery_pb2_grpc, labels_pb2_grpc, prompts_pb2_grpc, versions_pb2_grpc
from servicekit import housekeeping, idempotency, service
from servicekit.auth.tokens import PublicKey
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.client import Channel
from servicekit.service import Running
from servicekit.workers.pool import PoolLimits, WorkerPool, open_pool

from prompt_service.delivery.servicer import DeliveryServicer
from prompt_service.labels.servicer import LabelsServicer
from prompt_service.prompts.servicer import PromptsServicer
from prompt_service.settings import PromptSettings
from prompt_service.versions.servicer import VersionsServicer

PURGES = (idempotency.purge,)
"""What housekeeping deletes."""


def register(
    server: grpc.aio.Server, *, database: Database, redis: GuardedRedis, signer: CursorSigner, pool: WorkerPool
) -> None:
    """Add every servicer of this service."""
    prompts_pb2_grpc.add_PromptsServiceServicer_to_server(PromptsServicer(database, redis, signer, pool), server)
    versions_pb2_grpc.add_VersionsServiceServicer_to_server(VersionsServicer(database, redis, signer, pool), server)
    labels_pb2_grpc.add_LabelsServiceServicer_to_server(LabelsServicer(database, redis, signer), server)
    delivery_pb2_grpc.add_DeliveryServiceServicer_to_server(DeliveryServicer(database), server)


@asynccontextmanager
async def compose(running: Running[PromptSettings]) -> AsyncIterator[None]:
    """Register the servicers and keep auth-service's public keys at hand."""
    settings, database = running.settings, running.database
    channel = Channel(settings.auth_target)
    keys = signing_keys_pb2_grpc.SigningKeysServiceStub(cast("grpc.aio.Channel", channel))

    async def fetch() -> Sequence[PublicKey]:
        response = await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())
        return [PublicKey(kid=key.kid, x=key.x, y=key.y) for key in response.items]

    try:
        async with open_pool(PoolLimits.of(settings)) as pool:
            register(
                running.server,
                database=database,
                redis=running.redis,
                signer=CursorSigner(settings.secret("cursor")),
                pool=pool,
            )
            running.tasks.spawn("housekeeping", housekeeping.keep_purged(database, PURGES))
            async with service.trust(running, fetch):
                yield
    finally:
        await channel.close()


if __name__ == "__main__":
    sys.exit(service.main("prompt-service", settings=PromptSettings, package="prompt_service", compose=compose))
