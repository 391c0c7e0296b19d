from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import pytest
from auth_service.api_keys.models import ApiKey
from auth_service.workspaces import rules as workspaces
from auth_service_testing import Rig, answer_of, reason_of, refusal_of
from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    api_keys_pb2,
    api_keys_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from servicekit.audit import AuditEvent
from servicekit.auth.identity import Role
from servicekit.idempotency import IdempotencyKey
from sqlalchemy import select

ApiKeys: TypeAlias = "api_keys_pb2_grpc.ApiKeysServiceAsyncStub"
SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]


@pytest.fixture
def api_keys(rig: Rig) -> ApiKeys:
    return api_keys_pb2_grpc.ApiKeysServiceStub(rig.channel)


async def create(
    rig: Rig,
    api_keys: ApiKeys,
    access_token: str,
    *scopes: str,
    allowed_ips: tuple[str, ...] = (),
    expires_at: Timestamp | None = None,
) -> api_keys_pb2.CreateApiKeyResponse:
    request = api_keys_pb2.CreateApiKeyRequest(
        name="the app", scopes=scopes, allowed_ips=allowed_ips, expires_at=expires_at
    )
    response: api_keys_pb2.CreateApiKeyResponse = await api_keys.CreateApiKey(
        request, metadata=rig.as_gateway(access_token=access_token)
    )
    return response


async def exchange(rig: Rig, api_keys: ApiKeys, secret: str) -> api_keys_pb2.ExchangeApiKeyResponse:
    request = api_keys_pb2.ExchangeApiKeyRequest(key=secret)
    response: api_keys_pb2.ExchangeApiKeyResponse = await api_keys.ExchangeApiKey(request, metadata=rig.as_gateway())
    return response


async def exchange_reason(rig: Rig, api_keys: ApiKeys, secret: str) -> str:
    return await answer_of(exchange(rig, api_keys, secret), lambda _: "exchanged")


def in_seconds(rig: Rig, seconds: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(rig.clock() + timedelta(seconds=seconds))
    return moment


async def test_a_key_is_exchanged_for_a_token_that_acts_as_its_creator_within_its_scopes(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read", "deliver", allowed_ips=("192.0.2.0/24",))

    exchanged = await exchange(rig, api_keys, created.key)

    actor = (await rig.running.keys.verify(exchanged.access_token)).actor
    assert (actor.kind, actor.id, actor.session_id) == ("api_key", created.api_key.id, created.api_key.id)
    assert (actor.user_id, actor.workspace_id, actor.role) == (owner.user.id, owner.workspace.id, Role.ADMIN)
    assert actor.scopes == frozenset({"read", "deliver"})
    assert exchanged.expires_in == 600
    assert list(exchanged.allowed_ips) == ["192.0.2.0/24"]
    assert created.key.startswith("psk_")
    assert created.api_key.prefix == created.key[:12]


async def test_the_secret_is_stored_nowhere(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    owner = await sign_up()
    metadata = rig.as_gateway(access_token=owner.access_token, idempotency_key="make-one-key")
    request = api_keys_pb2.CreateApiKeyRequest(name="once", scopes=["read"])

    first = await api_keys.CreateApiKey(request, metadata=metadata)
    repeat = await api_keys.CreateApiKey(request, metadata=metadata)

    assert repeat.api_key == first.api_key
    assert (first.key != "", repeat.key) == (True, "")
    async with rig.database.engine.connect() as connection:
        stored = [
            *(bytes(answer or b"") for answer in await connection.scalars(select(IdempotencyKey.response))),
            *(repr(row).encode() for row in await connection.execute(select(ApiKey.__table__))),
            *(repr(row).encode() for row in await connection.execute(select(AuditEvent.__table__))),
        ]
    assert len(stored) >= 3
    assert all(first.key.encode() not in one for one in stored)


async def test_a_rotated_key_has_a_new_secret_and_the_old_one_stops(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read")
    before = await exchange(rig, api_keys, created.key)
    rotate = api_keys_pb2.RotateApiKeyRequest(id=created.api_key.id)

    rotated = await api_keys.RotateApiKey(rotate, metadata=rig.as_gateway(access_token=owner.access_token))

    assert await exchange_reason(rig, api_keys, created.key) == "unauthenticated"
    after = await exchange(rig, api_keys, rotated.key)
    assert after.record_version > before.record_version
    assert rotated.api_key.id == created.api_key.id


async def test_a_deleted_key_stops_at_once_and_for_good(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read")
    metadata = rig.as_gateway(access_token=owner.access_token)
    delete = api_keys_pb2.DeleteApiKeyRequest(id=created.api_key.id)

    await api_keys.DeleteApiKey(delete, metadata=metadata)

    assert await exchange_reason(rig, api_keys, created.key) == "unauthenticated"
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    record = await sessions.CheckSession(
        sessions_pb2.CheckSessionRequest(id=created.api_key.id), metadata=rig.as_gateway()
    )
    assert record.state == sessions_pb2.CheckSessionResponse.STATE_REVOKED
    listed = await api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=metadata)
    assert list(listed.items) == []
    assert await reason_of(api_keys.DeleteApiKey(delete, metadata=metadata)) == "not_found"


async def test_a_key_stops_when_it_expires_and_its_tokens_do_not_outlive_it(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read", expires_at=in_seconds(rig, 90))

    exchanged = await exchange(rig, api_keys, created.key)
    rig.clock.advance(seconds=91)

    assert 80 <= exchanged.expires_in <= 90
    assert await exchange_reason(rig, api_keys, created.key) == "unauthenticated"


async def test_a_key_dies_with_the_membership_and_stays_dead(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    host, guest = await sign_up(), await sign_up()
    place = {"workspace_id": host.workspace.id, "user_id": guest.user.id}
    await rig.database.write(lambda session: workspaces.add_member(session, **place, role=Role.EDITOR, now=rig.clock()))
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    switched = await sessions.SwitchWorkspace(
        sessions_pb2.SwitchWorkspaceRequest(workspace_id=host.workspace.id),
        metadata=rig.as_gateway(access_token=guest.access_token),
    )
    created = await create(rig, api_keys, switched.access_token, "read")
    check = sessions_pb2.CheckSessionRequest(id=created.api_key.id)
    living = await sessions.CheckSession(check, metadata=rig.as_gateway())

    await rig.database.write(lambda session: workspaces.remove_member(session, **place, now=rig.clock()))
    dead = await sessions.CheckSession(check, metadata=rig.as_gateway())
    await rig.database.write(lambda session: workspaces.add_member(session, **place, role=Role.EDITOR, now=rig.clock()))

    assert dict(living.roles) == {host.workspace.id: "editor"}
    assert dead.state == sessions_pb2.CheckSessionResponse.STATE_REVOKED
    assert dead.version > living.version
    assert await exchange_reason(rig, api_keys, created.key) == "unauthenticated"


async def test_a_key_makes_no_key_that_may_do_more_than_itself(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    owner = await sign_up()
    parent = await create(
        rig,
        api_keys,
        owner.access_token,
        "admin",
        "read",
        allowed_ips=("192.0.2.0/24",),
        expires_at=in_seconds(rig, 3600),
    )
    wide = await create(rig, api_keys, owner.access_token, "write")
    token = (await exchange(rig, api_keys, parent.key)).access_token
    soon, inside = in_seconds(rig, 60), ("192.0.2.9",)

    more = create(rig, api_keys, token, "read", "write", allowed_ips=inside, expires_at=soon)
    forever = create(rig, api_keys, token, "read", allowed_ips=inside)
    anywhere = create(rig, api_keys, token, "read", expires_at=soon)
    rotated = api_keys.RotateApiKey(
        api_keys_pb2.RotateApiKeyRequest(id=wide.api_key.id), metadata=rig.as_gateway(access_token=token)
    )
    child = await create(rig, api_keys, token, "read", allowed_ips=inside, expires_at=soon)

    assert await reason_of(more) == "scope_missing"
    assert [one.pointer for one in (await refusal_of(forever)).violations] == ["/expires_at"]
    assert [one.pointer for one in (await refusal_of(anywhere)).violations] == ["/allowed_ips"]
    assert await reason_of(rotated) == "scope_missing"
    assert child.api_key.user_id == owner.user.id
    assert list(child.api_key.allowed_ips) == ["192.0.2.9/32"]


async def test_every_wrong_field_of_a_new_key_is_named(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    owner = await sign_up()
    request = api_keys_pb2.CreateApiKeyRequest(
        name=" ", scopes=["fly"], expires_at=in_seconds(rig, -1), allowed_ips=["192.0.2.1/24", "::1"]
    )

    refusal = await refusal_of(api_keys.CreateApiKey(request, metadata=rig.as_gateway(access_token=owner.access_token)))

    pointers = [one.pointer for one in refusal.violations]
    assert sorted(pointers) == ["/allowed_ips/0", "/expires_at", "/name", "/scopes"]


async def test_members_see_their_own_keys_and_admins_all_but_rotate_only_their_own(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    admin, member = await sign_up(), await sign_up()
    await rig.database.write(
        lambda session: workspaces.add_member(
            session,
            workspace_id=admin.workspace.id,
            user_id=member.user.id,
            role=Role.EDITOR,
            now=rig.clock(),
        )
    )
    switched = await sessions_pb2_grpc.SessionsServiceStub(rig.channel).SwitchWorkspace(
        sessions_pb2.SwitchWorkspaceRequest(workspace_id=admin.workspace.id),
        metadata=rig.as_gateway(access_token=member.access_token),
    )
    admins = (await create(rig, api_keys, admin.access_token, "read")).api_key.id
    members = (await create(rig, api_keys, switched.access_token, "read")).api_key.id
    as_admin = rig.as_gateway(access_token=admin.access_token)
    as_member = rig.as_gateway(access_token=switched.access_token)
    everything = api_keys_pb2.ListApiKeysRequest()

    seen = await api_keys.ListApiKeys(everything, metadata=as_admin)
    own = await api_keys.ListApiKeys(everything, metadata=as_member)
    rotate = api_keys_pb2.RotateApiKeyRequest(id=members)
    hidden = api_keys_pb2.DeleteApiKeyRequest(id=admins)

    assert [key.id for key in seen.items] == [members, admins]
    assert [key.id for key in own.items] == [members]
    assert await reason_of(api_keys.RotateApiKey(rotate, metadata=as_admin)) == "forbidden"
    assert await reason_of(api_keys.DeleteApiKey(hidden, metadata=as_member)) == "not_found"
    await api_keys.DeleteApiKey(api_keys_pb2.DeleteApiKeyRequest(id=members), metadata=as_admin)


async def test_the_last_use_is_kept_to_the_minute(rig: Rig, api_keys: ApiKeys, sign_up: SignUp) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read")
    await exchange(rig, api_keys, created.key)

    listed = await api_keys.ListApiKeys(
        api_keys_pb2.ListApiKeysRequest(), metadata=rig.as_gateway(access_token=owner.access_token)
    )

    used = listed.items[0].last_used_at.ToDatetime()
    assert (used.second, used.microsecond) == (0, 0)
    assert not created.api_key.HasField("last_used_at")


async def test_get_me_shows_a_key_its_creator_and_its_one_workspace(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    owner = await sign_up()
    created = await create(rig, api_keys, owner.access_token, "read")
    token = (await exchange(rig, api_keys, created.key)).access_token
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)

    me = await accounts.GetMe(accounts_pb2.GetMeRequest(), metadata=rig.as_gateway(access_token=token))

    assert me.user.id == owner.user.id
    assert list(me.workspaces) == [owner.workspace]


async def test_a_key_may_neither_list_sessions_nor_change_the_person(
    rig: Rig, api_keys: ApiKeys, sign_up: SignUp
) -> None:
    created = await create(rig, api_keys, (await sign_up()).access_token, "admin", "read", "write")
    metadata = rig.as_gateway(access_token=(await exchange(rig, api_keys, created.key)).access_token)
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)

    reasons = {
        await reason_of(accounts.UpdateMe(accounts_pb2.UpdateMeRequest(), metadata=metadata)),
        await reason_of(accounts.ChangePassword(accounts_pb2.ChangePasswordRequest(), metadata=metadata)),
        await reason_of(sessions.ListSessions(sessions_pb2.ListSessionsRequest(), metadata=metadata)),
        await reason_of(sessions.SwitchWorkspace(sessions_pb2.SwitchWorkspaceRequest(), metadata=metadata)),
    }

    assert reasons == {"scope_missing"}


async def test_no_call_works_without_credentials(rig: Rig, api_keys: ApiKeys) -> None:
    gateway = rig.as_gateway()
    calls = (
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=gateway),
        api_keys.CreateApiKey(api_keys_pb2.CreateApiKeyRequest(), metadata=gateway),
        api_keys.RotateApiKey(api_keys_pb2.RotateApiKeyRequest(), metadata=gateway),
        api_keys.DeleteApiKey(api_keys_pb2.DeleteApiKeyRequest(), metadata=gateway),
        api_keys.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest()),
    )

    assert {await reason_of(call) for call in calls} == {"unauthenticated"}
