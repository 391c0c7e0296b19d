"""At the service's own socket a token that outlived its session or key changes nothing."""

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from auth_service.api_keys.models import ApiKey
from auth_service.live_records.guard import demands_live_caller
from auth_service.sessions.models import SessionFamily
from auth_service_testing import PASSWORD, Rig, answer_of, refusal_of
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from promptsphere.auth.v1 import accounts_pb2, api_keys_pb2, api_keys_pb2_grpc, sessions_pb2, sessions_pb2_grpc
from servicekit.rpc import metadata
from sqlalchemy import select

SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]

PROTOS = Path(__file__).parents[3] / "protos"
# A request that would work; an RPC that isn't here gets an empty one, which must be refused before it is read.
GOOD: dict[str, Message] = {
    "CreateApiKey": api_keys_pb2.CreateApiKeyRequest(name="lives on", scopes=["admin"]),
    "ChangePassword": accounts_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password=PASSWORD[::-1]),
}


def _methods() -> dict[str, MethodDescriptor]:
    found: dict[str, MethodDescriptor] = {}
    for proto in sorted((PROTOS / "promptsphere" / "auth" / "v1").glob("*.proto")):
        module = importlib.import_module(f"promptsphere.auth.v1.{proto.stem}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found |= {f"/{service.full_name}/{method.name}": method for method in service.methods}
    return found


METHODS = _methods()
CHANGING = sorted(name for name in METHODS if demands_live_caller(name))


async def invoke(rig: Rig, name: str, access_token: str, *, key: str = "") -> Any:
    """Call past the gateway: with the token alone, as whoever reaches the socket."""
    method = METHODS[name]
    request = GOOD.get(method.name) or GetMessageClass(method.input_type)()
    kind, response = type(request), GetMessageClass(method.output_type)
    pairs = [(metadata.AUTHORIZATION, f"Bearer {access_token}")]
    if key:
        pairs += [(metadata.IDEMPOTENCY_KEY, key), (metadata.REQUEST_HASH, "00")]
    stub = rig.channel.unary_unary(name, kind.SerializeToString, response.FromString)
    return await stub(request, metadata=tuple(pairs))


def test_what_makes_or_changes_a_credential_is_among_them() -> None:
    assert {name.rpartition("/")[2] for name in CHANGING} >= {
        "ChangePassword",
        "CreateApiKey",
        "DeleteApiKey",
        "DeleteOtherSessions",
        "DeleteSession",
        "RotateApiKey",
        "SwitchWorkspace",
    }


async def test_after_logout_a_token_changes_nothing(rig: Rig, sign_up: SignUp) -> None:
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    token = (await sign_up()).access_token
    await sessions.Logout(sessions_pb2.LogoutRequest(), metadata=rig.as_gateway(access_token=token))

    refused = {name: await refusal_of(invoke(rig, name, token)) for name in CHANGING}

    assert {(error.code, error.reason) for error in refused.values()} == {("UNAUTHENTICATED", "unauthenticated")}
    assert all("has ended" in error.message for error in refused.values())


async def test_after_logout_an_answer_that_was_stored_is_not_given_either(rig: Rig, sign_up: SignUp) -> None:
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    token = (await sign_up()).access_token
    name = "/promptsphere.auth.v1.ApiKeysService/CreateApiKey"
    await invoke(rig, name, token, key="k1")
    await sessions.Logout(sessions_pb2.LogoutRequest(), metadata=rig.as_gateway(access_token=token))

    refused = await refusal_of(invoke(rig, name, token, key="k1"))

    assert "has ended" in refused.message


@pytest.mark.parametrize("end", ["revoked", "expired", "idle", "absolute", "purged"])
async def test_however_it_ended(rig: Rig, sign_up: SignUp, end: str) -> None:
    tokens = await sign_up()
    token = tokens.access_token
    keys = api_keys_pb2_grpc.ApiKeysServiceStub(rig.channel)
    made = await keys.CreateApiKey(
        api_keys_pb2.CreateApiKeyRequest(name="app", scopes=["admin"]), metadata=rig.as_gateway(access_token=token)
    )
    exchanged = await keys.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest(key=made.key), metadata=rig.as_gateway())

    async def finish(session: Any) -> None:
        all_workspaces = {"all_workspaces": "a test ends whatever there is"}
        family = (await session.scalars(select(SessionFamily))).one()
        key = (await session.scalars(select(ApiKey).execution_options(**all_workspaces))).one()
        if end == "purged":
            await session.delete(family)
            await session.delete(key)
        elif end == "idle":
            family.refreshed_at = family.refreshed_at.replace(year=2020)
            key.revoked_at = key.created_at
        elif end == "revoked":
            family.ended_at, key.revoked_at = family.created_at, key.created_at
        else:
            family.expires_at = family.expires_at.replace(year=2020)
            key.expires_at = key.created_at

    await rig.database.write(finish)
    by_person = {await answer_of(invoke(rig, name, token), str) for name in CHANGING}
    open_to_keys = [name for name in CHANGING if "ApiKeysService" in name]
    by_key = {await answer_of(invoke(rig, name, exchanged.access_token), str) for name in open_to_keys}

    assert by_person == by_key == {"unauthenticated"}


async def test_while_it_lives_it_changes_as_before(rig: Rig, sign_up: SignUp) -> None:
    token = (await sign_up()).access_token

    for name in GOOD:
        full_name = next(one for one in CHANGING if one.endswith(f"/{name}"))
        await invoke(rig, full_name, token)
