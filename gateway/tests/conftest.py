"""The real gateway on a real port, before services that are faked at their wire."""

import asyncio
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import uvicorn
from api_gateway import backends as _contracts
from api_gateway.app import create_app
from api_gateway.listener.server import server_config
from api_gateway.settings import GatewaySettings
from fastapi import FastAPI
from google.protobuf import descriptor_pool, message_factory
from promptsphere.auth.v1 import sessions_pb2, signing_keys_pb2
from servicekit.rpc.call import Call, current_call
from servicekit.testing.rpc import CREDENTIAL, Testbed, public_key, serving

assert _contracts.__doc__  # its imports register every contract

SERVICES = (
    *(f"auth.v1.{noun}Service" for noun in ("Accounts", "Sessions", "ApiKeys", "SigningKeys")),
    *(f"prompt.v1.{noun}Service" for noun in ("Prompts", "Versions", "Labels", "Delivery")),
    *(f"generation.v1.{noun}Service" for noun in ("Requirements", "Runs", "Lint", "Models")),
)

Do = Callable[[Any], Any]


@dataclass
class Services:
    """All RPCs of all contracts: what a test says, else an empty answer; and what arrived."""

    does: dict[str, Do] = field(default_factory=dict)
    arrived: dict[str, list[tuple[Any, Call]]] = field(default_factory=lambda: defaultdict(list))
    sessions: dict[str, sessions_pb2.CheckSessionResponse] = field(default_factory=dict)
    live_streams: int = 0

    async def unary(self, method: str, request: Any, answer: type[Any]) -> Any:
        self.arrived[method].append((request, current_call()))
        does = self.does.get(method)
        said = answer() if does is None else does(request)
        if asyncio.iscoroutine(said):
            said = await said
        if isinstance(said, Exception):
            raise said
        return said

    async def stream(self, method: str, request: Any) -> AsyncIterator[Any]:
        self.arrived[method].append((request, current_call()))
        self.live_streams += 1
        try:
            async for one in self.does[method](request):
                yield one
        finally:
            self.live_streams -= 1

    def register(self, server: grpc.aio.Server) -> None:
        for name in SERVICES:
            service = descriptor_pool.Default().FindServiceByName(f"promptsphere.{name}")
            methods = {method.name: self._handler(method) for method in service.methods}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, methods),))

    def _handler(self, method: Any) -> Any:
        takes, gives = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))

        async def unary(request: Any, _context: object) -> Any:
            return await self.unary(method.name, request, gives)

        async def stream(request: Any, _context: object) -> AsyncIterator[Any]:
            async for one in self.stream(method.name, request):
                yield one

        options: Any = {"request_deserializer": takes.FromString, "response_serializer": gives.SerializeToString}
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream, **options)
        return grpc.unary_unary_rpc_method_handler(unary, **options)


@dataclass
class Gateway:
    """The running gateway: where it is, who may call, and what stands behind it."""

    url: str
    app: FastAPI
    client: aiohttp.ClientSession
    services: Services
    testbed: Testbed

    def user(self, *, role: str = "editor", user_id: str = "u1", session_id: str = "s1") -> dict[str, str]:
        """The Authorization header of a person in workspace `w1`."""
        self.live(session_id, role=role)
        pairs = self.testbed.as_user(role=role, workspace_id="w1", user_id=user_id, session_id=session_id)
        return {"Authorization": pairs[0][1]}

    def live(self, session_id: str, *, role: str = "editor", version: int = 1) -> None:
        live = sessions_pb2.CheckSessionResponse.STATE_LIVE
        self.services.sessions[session_id] = sessions_pb2.CheckSessionResponse(
            state=live,
            version=version,
            roles={"w1": role},
        )

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Status, headers, and the body as JSON where it is some, else as bytes."""
        async with self.client.request(method, self.url + path, allow_redirects=False, **options) as answer:
            body = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "") and body
            return answer.status, answer.headers, await answer.json(content_type=None) if is_json else body


def settings_of(testbed: Testbed, folder: Path, **changed: Any) -> GatewaySettings:
    credential = folder / "credential"
    credential.write_text(CREDENTIAL)
    target = f"127.0.0.1:{testbed.port}"
    given: dict[str, Any] = {
        "auth_target": target,
        "prompt_target": target,
        "generation_target": target,
        "service_credential_file": credential,
        "rate_per_second": 1000,
        "rate_burst": 10_000,
        "sign_in_burst": 10_000,
        "refresh_burst": 10_000,
    }
    return GatewaySettings(**(given | changed))


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(server_config(app, shutdown_seconds=5))
        server.capture_signals = _no_signals  # type: ignore[method-assign]  # pytest keeps them
        task = asyncio.create_task(server.serve(sockets=[listener]))
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            app.state.draining.set()
            server.should_exit = True
            await task


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()


Start = Callable[..., Any]


@pytest.fixture
async def services() -> Services:
    return Services()


@pytest.fixture
async def testbed(services: Services) -> AsyncIterator[Testbed]:
    async with serving(services.register) as testbed:
        key = public_key(testbed.private_key, "test")
        ring = signing_keys_pb2.ListSigningKeysResponse(
            items=[signing_keys_pb2.SigningKey(kid=key.kid, alg="ES256", x=key.x, y=key.y)],
        )
        revoked = sessions_pb2.CheckSessionResponse(state=sessions_pb2.CheckSessionResponse.STATE_REVOKED)
        services.does["ListSigningKeys"] = lambda _: ring
        services.does["CheckSession"] = lambda request: services.sessions.get(request.id, revoked)
        yield testbed


@pytest.fixture
def start(services: Services, testbed: Testbed, tmp_path: Path) -> Start:
    """Starts a gateway with settings of the test's own."""

    @asynccontextmanager
    async def starting(**changed: Any) -> AsyncIterator[Gateway]:
        app = create_app(settings_of(testbed, tmp_path, **changed))
        async with served(app) as url, aiohttp.ClientSession() as client:
            gateway = Gateway(url, app, client, services, testbed)
            async with asyncio.timeout(10):
                while not app.state.edge.authenticator._keys.is_loaded:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            yield gateway

    return starting


@pytest.fixture
async def gateway(start: Start) -> AsyncIterator[Gateway]:
    async with start() as gateway:
        yield gateway
