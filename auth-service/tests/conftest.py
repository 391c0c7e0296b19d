"""A running auth-service: once on SQLite, once on MariaDB, with a private Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from auth_service_testing import PASSWORD, Rig, running_auth, settings_for
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc


@pytest.fixture
async def rig(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with running_auth(settings_for(database_url, tmp_path / "secrets", redis_url=redis_url)) as rig:
        yield rig


@pytest.fixture
def sign_up(rig: Rig) -> Callable[..., Awaitable[accounts_pb2.Tokens]]:
    """Registers a new person and gives their tokens."""
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)

    async def sign_up(*, email: str = "", name: str = "测试", locale: str = "zh") -> accounts_pb2.Tokens:
        request = accounts_pb2.RegisterRequest(
            email=email or f"{uuid4().hex}@example.com", password=PASSWORD, display_name=name, locale=locale
        )
        response: accounts_pb2.RegisterResponse = await accounts.Register(request, metadata=rig.as_gateway())
        return response.tokens

    return sign_up
