"""A person has at most a hundred live API keys and a hundred live sessions, also when many are made at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from auth_service.api_keys import quota as key_quota
from auth_service.api_keys.models import ApiKey
from auth_service.sessions import quota as session_quota
from auth_service.sessions.models import SessionFamily
from auth_service_testing import PASSWORD, Rig, answer_of, reason_of, refusal_of
from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    api_keys_pb2,
    api_keys_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from servicekit.ids import new_id
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]
AT_ONCE = 8


@pytest.fixture
def api_keys(rig: Rig) -> Any:
    return api_keys_pb2_grpc.ApiKeysServiceStub(rig.channel)


@pytest.fixture
def accounts(rig: Rig) -> Any:
    return accounts_pb2_grpc.AccountsServiceStub(rig.channel)


def key_of(owner: accounts_pb2.Tokens, number: int, now: datetime, *, allowed_ips: list[str] | None = None) -> ApiKey:
    return ApiKey(
        id=new_id(),
        workspace_id=owner.workspace.id,
        user_id=owner.user.id,
        name=f"key {number}",
        prefix="psk_x",
        secret_hash=f"{owner.user.id[-12:]}{number:020}".encode(),
        scopes=["read"],
        allowed_ips=allowed_ips or [],
        expires_at=now + timedelta(hours=1) if number % 2 else None,
        created_at=now,
        last_used_at=None,
        revoked_at=None,
        version=1,
        row_version=1,
    )


def family_of(owner: accounts_pb2.Tokens, number: int, now: datetime) -> SessionFamily:
    return SessionFamily(
        id=new_id(),
        user_id=owner.user.id,
        last_workspace_id=owner.workspace.id,
        generation=0,
        version=1,
        created_at=now + timedelta(seconds=number),
        refreshed_at=now,
        expires_at=now + timedelta(days=1),
        ended_at=None,
        ended_reason=None,
        ip="",
        user_agent="",
    )


async def put(rig: Rig, rows: list[Any]) -> None:
    async def unit(session: AsyncSession) -> None:
        session.add_all(rows)

    await rig.database.write(unit)


async def live_sessions(rig: Rig, owner: accounts_pb2.Tokens) -> int:
    async def unit(session: AsyncSession) -> int:
        live = select(func.count()).where(SessionFamily.user_id == owner.user.id, SessionFamily.ended_at.is_(None))
        return await session.scalar(live) or 0

    return await rig.database.read(unit)


def create(rig: Rig, api_keys: Any, owner: accounts_pb2.Tokens, **fields: Any) -> Awaitable[Any]:
    request = api_keys_pb2.CreateApiKeyRequest(name="one more", scopes=["read"], **fields)
    made: Awaitable[Any] = api_keys.CreateApiKey(request, metadata=rig.as_gateway(access_token=owner.access_token))
    return made


async def test_of_many_keys_made_at_once_only_those_within_the_quota_are(
    rig: Rig, api_keys: Any, sign_up: SignUp
) -> None:
    owner = await sign_up()
    room = 3
    await put(rig, [key_of(owner, n, rig.clock()) for n in range(key_quota.MAX_LIVE_KEYS - room)])

    ends = await asyncio.gather(
        *(answer_of(create(rig, api_keys, owner), lambda _: "made") for _ in range(AT_ONCE)),
    )

    assert sorted(ends) == ["made"] * room + ["quota_exceeded"] * (AT_ONCE - room)


async def test_a_revoked_or_expired_key_makes_room_and_others_are_not_counted(
    rig: Rig, api_keys: Any, sign_up: SignUp
) -> None:
    owner, other = await sign_up(), await sign_up()
    keys = [key_of(owner, n, rig.clock()) for n in range(key_quota.MAX_LIVE_KEYS)]
    await put(rig, keys)
    refusal = await refusal_of(create(rig, api_keys, owner))
    assert (refusal.reason, refusal.metadata["limit"]) == ("quota_exceeded", "100")
    await create(rig, api_keys, other)
    metadata = rig.as_gateway(access_token=owner.access_token)

    await api_keys.DeleteApiKey(api_keys_pb2.DeleteApiKeyRequest(id=keys[0].id), metadata=metadata)

    await create(rig, api_keys, owner, expires_at=_in_seconds(rig, 30))
    assert await reason_of(create(rig, api_keys, owner)) == "quota_exceeded"
    rig.clock.advance(seconds=60)
    await create(rig, api_keys, owner)


async def test_of_a_hundred_sessions_the_oldest_ends_for_a_new_one(rig: Rig, accounts: Any, sign_up: SignUp) -> None:
    owner = await sign_up()
    full = [family_of(owner, n, rig.clock()) for n in range(session_quota.MAX_LIVE_SESSIONS - 1)]
    await put(rig, full)

    await login(rig, accounts, owner)

    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    refresh = sessions_pb2.RefreshSessionRequest(refresh_token=owner.refresh_token)
    assert await live_sessions(rig, owner) == session_quota.MAX_LIVE_SESSIONS
    assert await reason_of(sessions.RefreshSession(refresh, metadata=rig.as_gateway())) == "refresh_invalid"


async def test_sign_ins_at_once_end_as_many_as_they_begin(rig: Rig, accounts: Any, sign_up: SignUp) -> None:
    owner = await sign_up()
    await put(rig, [family_of(owner, n, rig.clock()) for n in range(session_quota.MAX_LIVE_SESSIONS + 20)])

    await asyncio.gather(*(login(rig, accounts, owner) for _ in range(AT_ONCE)))

    assert await live_sessions(rig, owner) == session_quota.MAX_LIVE_SESSIONS


async def test_a_session_that_is_past_its_limits_costs_no_live_one_its_place(
    rig: Rig, accounts: Any, sign_up: SignUp
) -> None:
    owner = await sign_up()
    idle = [family_of(owner, n, rig.clock()) for n in range(session_quota.MAX_LIVE_SESSIONS)]
    for one in idle:
        one.refreshed_at -= timedelta(days=30)
    await put(rig, idle)

    await login(rig, accounts, owner)

    refresh = sessions_pb2.RefreshSessionRequest(refresh_token=owner.refresh_token)
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    assert (await sessions.RefreshSession(refresh, metadata=rig.as_gateway())).tokens.access_token


async def test_keys_with_networks_that_earlier_versions_took_are_listed(
    rig: Rig, api_keys: Any, sign_up: SignUp
) -> None:
    owner = await sign_up()
    absurd = "fe80::1%" + "a" * 900_000
    await put(rig, [key_of(owner, n, rig.clock(), allowed_ips=[absurd]) for n in range(6)])

    listed = await api_keys.ListApiKeys(
        api_keys_pb2.ListApiKeysRequest(), metadata=rig.as_gateway(access_token=owner.access_token)
    )

    assert [list(one.allowed_ips) for one in listed.items] == [["fe80::1/128"]] * 6


async def login(rig: Rig, accounts: Any, owner: accounts_pb2.Tokens) -> accounts_pb2.Tokens:
    request = accounts_pb2.LoginRequest(email=owner.user.email, password=PASSWORD)
    tokens: accounts_pb2.Tokens = (await accounts.Login(request, metadata=rig.as_gateway())).tokens
    return tokens


def _in_seconds(rig: Rig, seconds: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(rig.clock() + timedelta(seconds=seconds))
    return moment
