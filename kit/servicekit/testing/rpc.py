"""A real gRPC server in process, with the real interceptor and real signed tokens, for a service's tests."""

import base64
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from uuid_utils import uuid7

from servicekit.auth.identity import Actor, Role
from servicekit.auth.tokens import KeyRing, PublicKey, sign_access_token
from servicekit.rpc import metadata
from servicekit.rpc.client import OPTIONS
from servicekit.rpc.server import create_server

CREDENTIAL = "a-gateway-credential-for-tests-only-0123456789"

Pairs = tuple[tuple[str, str], ...]


def public_key(private_key: ec.EllipticCurvePrivateKey, kid: str) -> PublicKey:
    """The public half as the ring knows it."""
    numbers = private_key.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode("ascii")
        for value in (numbers.x, numbers.y)
    )
    return PublicKey(kid=kid, x=x, y=y)


@dataclass(frozen=True, slots=True)
class Testbed:
    """A served port, a channel to it, and callers of every kind."""

    __test__ = False

    channel: grpc.aio.Channel
    keys: KeyRing
    private_key: ec.EllipticCurvePrivateKey
    port: int

    def as_user(
        self,
        *,
        role: str = "editor",
        workspace_id: str | None = None,
        user_id: str | None = None,
        name: str = "测试 Tester",
        session_id: str | None = None,
        lifetime_seconds: int = 600,
    ) -> Pairs:
        """Metadata of a signed-in person; ids not given are new ones."""
        user = user_id or str(uuid7())
        return self._bearer(
            Actor(
                kind="user",
                id=user,
                user_id=user,
                name=name,
                workspace_id=workspace_id or str(uuid7()),
                role=Role.parse(role),
                session_id=session_id or str(uuid7()),
            ),
            lifetime_seconds,
        )

    def as_api_key(
        self,
        *,
        scopes: Iterable[str],
        role: str = "editor",
        workspace_id: str | None = None,
        user_id: str | None = None,
        key_id: str | None = None,
        name: str = "test key",
    ) -> Pairs:
        """Metadata of an application with an API key of these scopes."""
        key = key_id or str(uuid7())
        return self._bearer(
            Actor(
                kind="api_key",
                id=key,
                user_id=user_id or str(uuid7()),
                name=name,
                workspace_id=workspace_id or str(uuid7()),
                role=Role.parse(role),
                session_id=key,
                scopes=frozenset(scopes),
            ),
            600,
        )

    def as_gateway(self, *extra: tuple[str, str], client_ip: str = "203.0.113.7", user_agent: str = "tests") -> Pairs:
        """Metadata of the gateway itself."""
        return (
            (metadata.SERVICE_CREDENTIAL, CREDENTIAL),
            (metadata.CLIENT_IP, client_ip),
            (metadata.USER_AGENT, user_agent),
            *extra,
        )

    def _bearer(self, actor: Actor, lifetime_seconds: int) -> Pairs:
        token = sign_access_token(
            self.private_key,
            kid="test",
            actor=actor,
            token_id=str(uuid7()),
            lifetime_seconds=lifetime_seconds,
            issued_at=int(time.time()) - 1,
        )
        return ((metadata.AUTHORIZATION, f"Bearer {token}"),)


@asynccontextmanager
async def serving(register: Callable[[grpc.aio.Server], object]) -> AsyncIterator[Testbed]:
    """Serve what `register` adds on a free loopback port until the context is left."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    keys = KeyRing()
    keys.put([public_key(private_key, "test")])
    server = create_server(keys, CREDENTIAL)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
    try:
        yield Testbed(channel=channel, keys=keys, private_key=private_key, port=port)
    finally:
        await channel.close(grace=None)
        await server.stop(grace=0.2)
