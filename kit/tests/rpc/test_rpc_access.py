import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from promptsphere.auth.v1 import api_keys_pb2, signing_keys_pb2
from promptsphere.generation.v1 import runs_pb2
from promptsphere.policy.v1 import policy_pb2
from servicekit.auth.identity import Actor, Role
from servicekit.auth.tokens import KeyRing
from servicekit.errors import PermissionDenied, SphereError, Unauthenticated
from servicekit.rpc import metadata
from servicekit.rpc.policy import Demand, check_access, demand_of
from servicekit.rpc.server import CallInterceptor
from servicekit.rpc.status import error_from_rpc
from servicekit.testing.rpc import CREDENTIAL, Testbed, serving

LIST = api_keys_pb2.ListApiKeysRequest()
LEVELS = {
    policy_pb2.LEVEL_VIEWER: Role.VIEWER,
    policy_pb2.LEVEL_EDITOR: Role.EDITOR,
    policy_pb2.LEVEL_ADMIN: Role.ADMIN,
}


def actor(role: Role, scopes: frozenset[str] | None = None) -> Actor:
    kind: Any = "user" if scopes is None else "api_key"
    return Actor(kind, "1", "1", "", "w", role, "s", scopes)


def outcome(demand: Demand, identity: Actor | None, *, is_gateway: bool = False) -> str:
    try:
        check_access(demand, identity=identity, is_gateway=is_gateway)
    except SphereError as refused:
        return f"{refused.code} {refused.reason}"
    return "ok"


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("level", list(LEVELS))
def test_a_role_is_enough_for_its_level_and_those_below(level: Any, role: Role) -> None:
    said = outcome(Demand(level, frozenset({"read"}), is_read_only=False), actor(role))

    assert said == ("ok" if role >= LEVELS[level] else "PERMISSION_DENIED forbidden")


@pytest.mark.parametrize("level", [policy_pb2.LEVEL_USER, *LEVELS])
@pytest.mark.parametrize(
    ("held", "demanded", "is_enough"),
    [
        ({"read"}, {"read"}, True),
        ({"write"}, {"read"}, False),
        ({"deliver"}, {"read", "deliver"}, True),
        (set(), {"read"}, False),
        ({"read", "write", "generate", "deliver", "admin"}, set(), False),
    ],
)
def test_a_key_needs_one_of_the_scopes_whatever_its_role(level: Any, held: Any, demanded: Any, is_enough: Any) -> None:
    said = outcome(Demand(level, frozenset(demanded), is_read_only=False), actor(Role.ADMIN, frozenset(held)))

    assert said == ("ok" if is_enough else "PERMISSION_DENIED scope_missing")


def test_a_key_is_capped_by_the_role_as_well() -> None:
    demand = Demand(policy_pb2.LEVEL_EDITOR, frozenset({"write"}), is_read_only=False)

    assert outcome(demand, actor(Role.VIEWER, frozenset({"write"}))) == "PERMISSION_DENIED forbidden"


@pytest.mark.parametrize("level", [policy_pb2.LEVEL_SERVICE, policy_pb2.LEVEL_USER, *LEVELS])
def test_nobody_may_do_what_is_not_public(level: Any) -> None:
    assert outcome(Demand(level, frozenset(), is_read_only=False), None) == "UNAUTHENTICATED unauthenticated"


def test_a_level_that_is_not_known_is_refused() -> None:
    level: Any = 99

    assert outcome(Demand(level, frozenset(), is_read_only=False), actor(Role.ADMIN)).startswith("PERMISSION_DENIED")


def test_each_rpc_of_every_contract_declares_a_level() -> None:
    pool = descriptor_pool.Default()
    services = [
        pool.FindServiceByName(f"promptsphere.{name}")
        for name in ("auth.v1.ApiKeysService", "auth.v1.SigningKeysService", "generation.v1.RunsService")
    ]

    undeclared = [
        method.full_name
        for service in services
        for method in service.methods
        if demand_of(f"/{service.full_name}/{method.name}") is None
    ]

    assert undeclared == []


def test_a_method_of_no_contract_has_no_demand() -> None:
    assert demand_of("/nothing.v1.Service/Method") is None
    assert demand_of("/promptsphere.auth.v1.ApiKeysService/Nothing") is None


async def refusal(call: Any) -> SphereError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value)


async def test_a_served_method_without_a_declared_level_is_denied() -> None:
    async def handler(request: bytes, context: object) -> bytes:  # noqa: ARG001
        return b"reached"

    def register(server: Any) -> None:
        methods = {"Do": grpc.unary_unary_rpc_method_handler(handler, lambda raw: raw, lambda raw: raw)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("undeclared.v1.Things", methods),))

    async with serving(register) as testbed:
        error = await refusal(
            testbed.channel.unary_unary("/undeclared.v1.Things/Do", None, None)(
                b"", metadata=testbed.as_user(role="admin")
            ),
        )

    assert isinstance(error, PermissionDenied)


async def test_a_public_method_answers_anyone(signing_keys: Any) -> None:
    assert await signing_keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest()) is not None


async def test_without_credentials_nothing_is_reached(system: Any, api_keys: Any, runs: Any) -> None:
    for call in (
        api_keys.ListApiKeys(LIST),
        api_keys.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest()),
        runs.CreateRun(runs_pb2.CreateRunRequest()),
        runs.StreamRun(runs_pb2.StreamRunRequest()).read(),
    ):
        assert isinstance(await refusal(call), Unauthenticated)
    assert system.calls == []


@pytest.mark.parametrize("role", ["viewer", "admin"])
async def test_a_users_token_on_a_service_method_is_denied(
    system: Any, api_keys: Any, testbed: Testbed, role: str
) -> None:
    request = api_keys_pb2.ExchangeApiKeyRequest(key="psk_x")

    error = await refusal(api_keys.ExchangeApiKey(request, metadata=testbed.as_user(role=role)))

    assert isinstance(error, PermissionDenied)
    assert system.calls == []


async def test_an_api_key_on_a_service_method_is_denied(api_keys: Any, testbed: Testbed) -> None:
    caller = testbed.as_api_key(scopes=["read", "write", "generate", "deliver", "admin"], role="admin")

    assert isinstance(
        await refusal(api_keys.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest(), metadata=caller)),
        PermissionDenied,
    )


@pytest.mark.parametrize("given", ["", CREDENTIAL[:-1], CREDENTIAL + "x", CREDENTIAL.upper(), f" {CREDENTIAL[1:]}"])
async def test_another_credential_is_not_the_gateways(api_keys: Any, given: str) -> None:
    request = api_keys_pb2.ExchangeApiKeyRequest()

    error = await refusal(api_keys.ExchangeApiKey(request, metadata=((metadata.SERVICE_CREDENTIAL, given),)))

    assert isinstance(error, Unauthenticated)


async def test_the_gateway_may_call_service_methods_and_bring_a_user(
    system: Any, api_keys: Any, testbed: Testbed
) -> None:
    request = api_keys_pb2.ExchangeApiKeyRequest()

    await api_keys.ExchangeApiKey(request, metadata=testbed.as_gateway())
    await api_keys.ExchangeApiKey(request, metadata=testbed.as_gateway(*testbed.as_user(user_id="u1")))

    assert [call.identity and call.identity.user_id for call in system.calls] == [None, "u1"]


async def test_the_gateways_credential_is_no_user(api_keys: Any, testbed: Testbed) -> None:
    assert isinstance(await refusal(api_keys.ListApiKeys(LIST, metadata=testbed.as_gateway())), Unauthenticated)


def test_a_server_without_a_credential_is_refused() -> None:
    with pytest.raises(ValueError, match="credential"):
        CallInterceptor(KeyRing(), "")


async def test_an_address_is_believed_from_the_gateway_only(system: Any, api_keys: Any, testbed: Testbed) -> None:
    claimed = ((metadata.CLIENT_IP, "198.51.100.9"), (metadata.USER_AGENT, "forged"))
    user = testbed.as_user(role="admin")

    await api_keys.ListApiKeys(LIST, metadata=user + claimed)
    await api_keys.ListApiKeys(LIST, metadata=(*user, *testbed.as_gateway(client_ip="198.51.100.9", user_agent="UA")))

    assert [(call.client_ip, call.user_agent) for call in system.calls] == [("", ""), ("198.51.100.9", "UA")]


async def test_the_handler_sees_who_and_what_came_along(system: Any, api_keys: Any, testbed: Testbed) -> None:
    caller = testbed.as_api_key(scopes=["admin"], role="viewer", workspace_id="w1", user_id="u1", key_id="k1")
    extra = (
        (metadata.REQUEST_ID, "request-42"),
        (metadata.IDEMPOTENCY_KEY, "key-12345"),
        (metadata.REQUEST_HASH, "ab" * 32),
        (metadata.IF_MATCH, "7"),
    )

    await api_keys.CreateApiKey(api_keys_pb2.CreateApiKeyRequest(), metadata=caller + extra)

    (call,) = system.calls
    assert call.actor == Actor("api_key", "k1", "u1", "test key", "w1", Role.VIEWER, "k1", frozenset({"admin"}))
    assert (call.request_id, call.idempotency_key, call.request_hash, call.if_match) == (
        "request-42",
        "key-12345",
        "ab" * 32,
        7,
    )
    assert call.method == "/promptsphere.auth.v1.ApiKeysService/CreateApiKey"


@pytest.mark.parametrize("given", ["x", "-1", "1.0", "", "9" * 19])
async def test_a_row_version_that_is_none_is_refused(api_keys: Any, testbed: Testbed, given: str) -> None:
    caller = (*testbed.as_user(), (metadata.IF_MATCH, given))

    error = await refusal(api_keys.CreateApiKey(api_keys_pb2.CreateApiKeyRequest(), metadata=caller))

    assert error.code == "INVALID_ARGUMENT"


async def test_calls_that_overlap_see_their_own_facts(system: Any, api_keys: Any, testbed: Testbed) -> None:
    everyone_is_here = asyncio.Event()

    async def work(_request: object) -> object:
        if len(system.calls) == 20:
            everyone_is_here.set()
        await everyone_is_here.wait()
        from servicekit.rpc.call import current_call

        return api_keys_pb2.ListApiKeysResponse(next_cursor=current_call().actor.user_id)

    system.work = work

    answers = await asyncio.gather(
        *(
            api_keys.ListApiKeys(LIST, metadata=testbed.as_user(role="admin", user_id=f"u{number}"))
            for number in range(20)
        )
    )

    assert [answer.next_cursor for answer in answers] == [f"u{number}" for number in range(20)]
