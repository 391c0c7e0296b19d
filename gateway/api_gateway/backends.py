"""The gateway's door to the services: one channel each, opened at start, and the typed stubs on them."""

from __future__ import annotations  # the async stubs exist for type checkers only

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from grpc.aio import Channel as GrpcChannel
from grpc_health.v1 import health_pb2, health_pb2_grpc
from promptsphere.auth.v1 import (
    accounts_pb2_grpc,
    api_keys_pb2,
    api_keys_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    signing_keys_pb2,
    signing_keys_pb2_grpc,
)
from promptsphere.generation.v1 import lint_pb2_grpc, models_pb2_grpc, requirements_pb2_grpc, runs_pb2, runs_pb2_grpc
from promptsphere.prompt.v1 import delivery_pb2_grpc, labels_pb2_grpc, prompts_pb2_grpc, versions_pb2_grpc
from servicekit.auth.live_sessions import LiveRecord
from servicekit.auth.tokens import PublicKey
from servicekit.errors import SphereError
from servicekit.rpc.client import Channel

from api_gateway.settings import GatewaySettings

RunEvent = runs_pb2.StreamRunResponse
"""One event of a run; end events carry the run."""

_STATES: Final[dict[int, Literal["live", "revoked"]]] = {
    sessions_pb2.CheckSessionResponse.STATE_LIVE: "live",
    sessions_pb2.CheckSessionResponse.STATE_REVOKED: "revoked",
}


@dataclass(frozen=True, slots=True)
class ExchangedKey:
    """What an API key is good for: a token, the addresses it may come from, and the record version it was read at."""

    token: str
    allowed_ips: tuple[str, ...]
    record_version: int


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

    async def exchange_api_key(self, key: str, *, timeout_seconds: float) -> ExchangedKey:
        """The token of an API key. Raises Unauthenticated: the key is unknown, expired or revoked."""
        request = api_keys_pb2.ExchangeApiKeyRequest(key=key)
        answer = await self.api_keys.ExchangeApiKey(request, timeout=timeout_seconds)
        return ExchangedKey(answer.access_token, tuple(answer.allowed_ips), answer.record_version)

    async def check_session(self, subject_id: str, *, timeout_seconds: float) -> LiveRecord:
        """The live record of claim `sid`, from the truth."""
        request = sessions_pb2.CheckSessionRequest(id=subject_id)
        answer = await self.sessions.CheckSession(request, timeout=timeout_seconds)
        state = _STATES.get(answer.state, "revoked")
        return LiveRecord(state=state, version=answer.version, roles=dict(answer.roles))

    def run_events(self, run_id: str, after_id: int) -> AsyncGenerator[RunEvent]:
        """The events of a run after an id; close it and the RPC is cancelled."""
        events = self.runs.StreamRun(runs_pb2.StreamRunRequest(id=run_id, after_id=after_id))
        return cast("AsyncGenerator[RunEvent]", events)

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
