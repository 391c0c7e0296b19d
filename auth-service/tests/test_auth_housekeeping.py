from collections.abc import Awaitable, Callable

from auth_service.__main__ import purges
from auth_service.accounts.models import LoginFailures
from auth_service.sessions.models import RefreshToken, SessionFamily
from auth_service_testing import Rig, reason_of
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc
from servicekit import housekeeping
from sqlalchemy import func, select

SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]


async def rows(rig: Rig) -> list[int]:
    async with rig.database.engine.connect() as connection:
        return [
            await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (SessionFamily, RefreshToken, LoginFailures)
        ]


async def test_what_no_longer_counts_is_deleted_and_nothing_else(rig: Rig, sign_up: SignUp) -> None:
    await sign_up()
    wrong = accounts_pb2.LoginRequest(email="nobody@example.com", password="wrong")
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)
    await reason_of(accounts.Login(wrong, metadata=rig.as_gateway()))

    early = await housekeeping.purge_expired(rig.database, purges(rig.clock))
    rig.clock.advance(seconds=38 * 86_400)
    await sign_up()
    late = await housekeeping.purge_expired(rig.database, purges(rig.clock))

    assert early == 0
    assert late == 4  # a family (its token goes along) and the three subjects of the failure
    assert await rows(rig) == [1, 1, 0]
