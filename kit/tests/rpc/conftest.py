from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from promptsphere.auth.v1 import api_keys_pb2, api_keys_pb2_grpc, signing_keys_pb2, signing_keys_pb2_grpc
from promptsphere.generation.v1 import runs_pb2, runs_pb2_grpc
from servicekit.rpc.call import Call, current_call
from servicekit.testing.rpc import Testbed, serving


@dataclass
class System:
    """The system under the interceptor: handlers do what the test says, and note the call they saw."""

    work: Callable[[Any], Awaitable[Any]] | None = None
    stream: Callable[[Any], AsyncIterator[Any]] | None = None
    calls: list[Call] = field(default_factory=list)
    live_handlers: int = 0

    async def unary(self, request: Any, response: Any) -> Any:
        self.calls.append(current_call())
        return response if self.work is None else await self.work(request)

    async def streamed(self, request: Any) -> AsyncIterator[Any]:
        self.calls.append(current_call())
        self.live_handlers += 1
        try:
            if self.stream is not None:
                async for one in self.stream(request):
                    yield one
        finally:
            self.live_handlers -= 1


class ApiKeys(api_keys_pb2_grpc.ApiKeysServiceServicer):
    def __init__(self, system: System) -> None:
        self._system = system

    async def ListApiKeys(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        return await self._system.unary(request, api_keys_pb2.ListApiKeysResponse(next_cursor="next"))

    async def CreateApiKey(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        return await self._system.unary(request, api_keys_pb2.CreateApiKeyResponse(key="psk_made"))

    async def ExchangeApiKey(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        return await self._system.unary(request, api_keys_pb2.ExchangeApiKeyResponse(access_token="token"))


class SigningKeys(signing_keys_pb2_grpc.SigningKeysServiceServicer):
    def __init__(self, system: System) -> None:
        self._system = system

    async def ListSigningKeys(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        return await self._system.unary(request, signing_keys_pb2.ListSigningKeysResponse())


class Runs(runs_pb2_grpc.RunsServiceServicer):
    def __init__(self, system: System) -> None:
        self._system = system

    async def CreateRun(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        return await self._system.unary(request, runs_pb2.CreateRunResponse())

    async def StreamRun(self, request: Any, context: object) -> Any:  # noqa: N802, ARG002
        async for one in self._system.streamed(request):
            yield one


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
async def testbed(system: System) -> AsyncIterator[Testbed]:
    kinds: tuple[Any, ...] = (
        ApiKeys,
        SigningKeys,
        Runs,
    )  # to the stubs, a servicer that leaves methods out is abstract
    api_keys, signing_keys, runs = (kind(system) for kind in kinds)

    def register(server: Any) -> None:
        api_keys_pb2_grpc.add_ApiKeysServiceServicer_to_server(api_keys, server)
        signing_keys_pb2_grpc.add_SigningKeysServiceServicer_to_server(signing_keys, server)
        runs_pb2_grpc.add_RunsServiceServicer_to_server(runs, server)

    async with serving(register) as testbed:
        yield testbed


@pytest.fixture
def api_keys(testbed: Testbed) -> Any:
    return api_keys_pb2_grpc.ApiKeysServiceStub(testbed.channel)


@pytest.fixture
def signing_keys(testbed: Testbed) -> Any:
    return signing_keys_pb2_grpc.SigningKeysServiceStub(testbed.channel)


@pytest.fixture
def runs(testbed: Testbed) -> Any:
    return runs_pb2_grpc.RunsServiceStub(testbed.channel)
