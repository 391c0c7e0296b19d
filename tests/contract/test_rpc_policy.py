"""Every RPC of every contract says who may call it, and reads say that they only read."""

import importlib
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor
from promptsphere.policy.v1 import policy_pb2
from servicekit.rpc.policy import demand_of

PROTOS = Path(__file__).parents[2] / "protos"
READ_VERBS = ("Get", "List", "Check", "Stream", "Lint", "Render")
PUBLIC = {"/promptsphere.auth.v1.SigningKeysService/ListSigningKeys"}
BEFORE_SIGN_IN = {
    "/promptsphere.auth.v1.AccountsService/Register",
    "/promptsphere.auth.v1.AccountsService/Login",
    "/promptsphere.auth.v1.SessionsService/RefreshSession",
    "/promptsphere.auth.v1.SessionsService/Logout",
    "/promptsphere.auth.v1.SessionsService/CheckSession",
    "/promptsphere.auth.v1.ApiKeysService/ExchangeApiKey",
}


def _methods() -> dict[str, MethodDescriptor]:
    found: dict[str, MethodDescriptor] = {}
    for proto in sorted(PROTOS.glob("promptsphere/*/v1/*.proto")):
        module = ".".join(proto.relative_to(PROTOS).with_suffix("").parts) + "_pb2"
        for service in importlib.import_module(module).DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                found[f"/{service.full_name}/{method.name}"] = method
    return found


METHODS = _methods()


def test_all_contracts_are_seen() -> None:
    services = {name.split("/")[1] for name in METHODS}

    assert len(services) >= 12
    assert len(METHODS) >= 35


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_rpc_declares_its_level(name: str) -> None:
    demand = demand_of(name)

    assert demand is not None, f"{name} declares no access level"
    assert demand.is_read_only == name.rpartition("/")[2].startswith(READ_VERBS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_only_the_named_few_may_be_called_before_sign_in(name: str) -> None:
    demand = demand_of(name)

    assert demand is not None
    assert (demand.level == policy_pb2.LEVEL_PUBLIC) == (name in PUBLIC)
    assert (demand.level == policy_pb2.LEVEL_SERVICE) == (name in BEFORE_SIGN_IN)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_requests_and_responses_belong_to_their_rpc(name: str) -> None:
    method = METHODS[name]

    assert method.input_type.name == f"{method.name}Request"
    assert method.output_type.name == f"{method.name}Response"
    assert not method.client_streaming
