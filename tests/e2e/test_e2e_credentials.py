"""Straight to the services' sockets, past the gateway: each RPC demands by itself what its contract declares."""

import importlib
from pathlib import Path

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from local_stack.testing import Person, StackProcess
from promptsphere.policy.v1 import policy_pb2
from servicekit.rpc.policy import demand_of

PROTOS = Path(__file__).parents[2] / "protos"
SERVICES = ("auth", "prompt", "generation")
TIMEOUT_SECONDS = 10


def _methods() -> dict[str, MethodDescriptor]:
    found: dict[str, MethodDescriptor] = {}
    for name in SERVICES:
        for proto in sorted((PROTOS / "promptsphere" / name / "v1").glob("*.proto")):
            module = importlib.import_module(f"promptsphere.{name}.v1.{proto.stem}_pb2")
            for service in module.DESCRIPTOR.services_by_name.values():
                found |= {f"/{service.full_name}/{method.name}": method for method in service.methods}
    return found


METHODS = _methods()
PUBLIC = {name for name in METHODS if (demand := demand_of(name)) and demand.level == policy_pb2.LEVEL_PUBLIC}
OF_THE_GATEWAY = {name for name in METHODS if (demand := demand_of(name)) and demand.level == policy_pb2.LEVEL_SERVICE}


async def call(stack: StackProcess, name: str, *metadata: tuple[str, str]) -> tuple[grpc.StatusCode, str]:
    """How an empty request is answered: its status and details."""
    method = METHODS[name]
    request = GetMessageClass(method.input_type)
    response = GetMessageClass(method.output_type)
    socket = stack.sockets / f"{name.split('.')[1]}.sock"
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        invoke = channel.unary_stream if method.server_streaming else channel.unary_unary
        answer = invoke(name, request.SerializeToString, response.FromString)(
            request(), metadata=metadata, timeout=TIMEOUT_SECONDS
        )
        code, details = await answer.code(), await answer.details()
    return code, details or ""


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def forged(good: str) -> str:
    """The same claims under the same key id, signed by somebody else."""
    claims = jwt.decode(good, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(good)["kid"], "typ": "at+jwt"}
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=headers)


async def test_every_method_of_every_service_is_called_below() -> None:
    assert {name.split(".")[1] for name in METHODS} == set(SERVICES)
    assert len(METHODS) >= 35
    assert len(PUBLIC) == 1
    assert len(OF_THE_GATEWAY) >= 6


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_a_call_gets_only_what_its_credentials_allow(stack: StackProcess, person: Person, name: str) -> None:
    good = person.client.access_token

    without, _ = await call(stack, name)
    with_forged, _ = await call(stack, name, bearer(forged(good)))
    with_wrong_credential, _ = await call(stack, name, ("x-service-credential", "x" * 64))
    with_identity_header, _ = await call(stack, name, ("x-user-id", person.tokens["user"]["id"]), ("x-role", "admin"))
    of_a_user, said = await call(stack, name, bearer(good))

    if name in PUBLIC:
        assert (without, of_a_user) == (grpc.StatusCode.OK, grpc.StatusCode.OK)
        return
    refused = {without, with_forged, with_wrong_credential, with_identity_header}
    assert refused == {grpc.StatusCode.UNAUTHENTICATED}
    if name in OF_THE_GATEWAY:
        assert of_a_user is grpc.StatusCode.PERMISSION_DENIED
    else:
        assert of_a_user not in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}, said
        assert of_a_user not in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}, said


async def test_a_method_that_no_contract_declares_is_not_there(stack: StackProcess, person: Person) -> None:
    for service in SERVICES:
        async with grpc.aio.insecure_channel(f"unix:{stack.sockets / f'{service}.sock'}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"/promptsphere.{service}.v1.Nothing/Do", bytes, bytes)(
                    b"", metadata=(bearer(person.client.access_token),), timeout=TIMEOUT_SECONDS
                )
        assert refused.value.code() in {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED}


async def test_the_sockets_are_for_this_user_alone(stack: StackProcess) -> None:
    assert stack.sockets.stat().st_mode & 0o077 == 0
