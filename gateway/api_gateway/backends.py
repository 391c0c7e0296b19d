"""The gateway's door to the services: one channel each, opened at start, and the typed stubs on them."""

from __future__ import annotations  # the async stubs exist for type checkers only

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from grpc.aio import Channel as GrpcChannel
from grpc_health.v1 import health_pb2, health_pb2_grpc
from promptsphere.auth.v1 import (
    accounts_pb2_grpc,
    api_keys_pb2_grpc,
    sessions_pb2_grpc,
    signing_keys_pb2,
    signing_keys_pb2_grpc,
)
from promptsphere.generation.v1 import lint_pb2_grpc, models_pb2_grpc, requirements_pb2_grpc, runs_pb2_grpc
from promptsphere.prompt.v1 import delivery_pb2_grpc, labels_pb2_grpc, prompts_pb2_grpc, versions_pb2_grpc
from servicekit.errors import SphereError
from servicekit.rpc.client import Channel
from servicekit.tokens import PublicKey

from api_gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Backends:
    """Every stub the gateway calls. Failures arrive as `SphereError`."""

    accounts: accounts_pb2_grpc.AccountsServiceAsyncStub
    sessions: sessions_pb2_grpc.SessionsServiceAsyncStub
    api_keys: api_keys_pb2_grpc.ApiKeysServiceAsyncStub
    signing_keys: signing_keys_pb2_grpc.SigningKeysServiceAsyncStub
    prompts: prompts_pb2_grpc.PromptsServiceAsyncStub
    versions: versions_pb2_grpc.VersionsServiceAsyncStub
    labels: labels_pb2_grpc.LabelsServiceAsyncStub
    delivery: delivery_pb2_grpc.DeliveryServiceAsyncStub
    requirements: requirements_pb2_grpc.RequirementsServiceAsyncStub
    runs: runs_pb2_grpc.RunsServiceAsyncStub
    lint: lint_pb2_grpc.LintServiceAsyncStub
    models: models_pb2_grpc.ModelsServiceAsyncStub
    channels: dict[str, Channel]

    async def is_serving(self, service: str) -> bool:
        """The named service answers its health check with SERVING."""
        stub = health_pb2_grpc.HealthStub(cast("GrpcChannel", self.channels[service]))
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except SphereError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def signing_public_keys(self) -> Sequence[PublicKey]:
        """The ring, as the token verifier wants it."""
        answer = await self.signing_keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())
        return [PublicKey(kid=key.kid, x=key.x, y=key.y) for key in answer.items]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self.channels.values():
            await channel.close()


def connect(settings: GatewaySettings) -> Backends:
    """Open the channels; nothing is asked of the services yet."""
    credential = settings.service_credential()
    channels = {
        "auth": Channel(settings.auth_target, credential=credential),
        "prompt": Channel(settings.prompt_target, credential=credential),
        # A description is parsed inline within 20 s.
        "generation": Channel(settings.generation_target, credential=credential, deadline_seconds=25),
    }
    auth, prompt, generation = (cast("GrpcChannel", channel) for channel in channels.values())
    return Backends(
        accounts=accounts_pb2_grpc.AccountsServiceStub(auth),
        sessions=sessions_pb2_grpc.SessionsServiceStub(auth),
        api_keys=api_keys_pb2_grpc.ApiKeysServiceStub(auth),
        signing_keys=signing_keys_pb2_grpc.SigningKeysServiceStub(auth),
        prompts=prompts_pb2_grpc.PromptsServiceStub(prompt),
        versions=versions_pb2_grpc.VersionsServiceStub(prompt),
        labels=labels_pb2_grpc.LabelsServiceStub(prompt),
        delivery=delivery_pb2_grpc.DeliveryServiceStub(prompt),
        requirements=requirements_pb2_grpc.RequirementsServiceStub(generation),
        runs=runs_pb2_grpc.RunsServiceStub(generation),
        lint=lint_pb2_grpc.LintServiceStub(generation),
        models=models_pb2_grpc.ModelsServiceStub(generation),
        channels=channels,
    )
