import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from promptsphere.auth.v1 import api_keys_pb2, api_keys_pb2_grpc, signing_keys_pb2, signing_keys_pb2_grpc
from servicekit.errors import DeadlineExceeded, InvalidArgument, Unavailable
from servicekit.rpc import deadline, metadata
from servicekit.rpc.call import current_call
from servicekit.rpc.client import RETRY_BURST, Channel, Outgoing, set_outgoing
from servicekit.testing.rpc import CREDENTIAL, Testbed

LIST_KEYS = signing_keys_pb2.ListSigningKeysRequest()


@pytest.fixture
async def channel(testbed: Testbed) -> AsyncIterator[Channel]:
    set_outgoing(None)
    deadline.set_remaining(None)
    channel = Channel(f"127.0.0.1:{testbed.port}", credential=CREDENTIAL)
    yield channel
    await channel.close()


@pytest.fixture
def reader(channel: Any) -> Any:
    return signing_keys_pb2_grpc.SigningKeysServiceStub(channel)


@pytest.fixture
def keys_of(channel: Any) -> Any:
    return api_keys_pb2_grpc.ApiKeysServiceStub(channel)


def failing(times: int, answer: Any) -> Any:
    left = times

    async def work(_request: object) -> object:
        nonlocal left
        left -= 1
        if left >= 0:
            raise Unavailable("away")
        return answer

    return work


async def test_a_read_is_tried_once_more(system: Any, reader: Any) -> None:
    system.work = failing(1, signing_keys_pb2.ListSigningKeysResponse())

    await reader.ListSigningKeys(LIST_KEYS)

    assert len(system.calls) == 2


async def test_a_read_is_tried_twice_at_most(system: Any, reader: Any) -> None:
    system.work = failing(99, None)

    with pytest.raises(Unavailable):
        await reader.ListSigningKeys(LIST_KEYS)

    assert len(system.calls) == 2


async def test_a_write_is_never_tried_again(system: Any, keys_of: Any) -> None:
    system.work = failing(99, None)

    with pytest.raises(Unavailable):
        await keys_of.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest())

    assert len(system.calls) == 1


async def test_what_trying_again_cannot_help_is_not_tried_again(system: Any, reader: Any) -> None:
    async def refuse(_request: object) -> object:
        raise InvalidArgument("wrong")

    system.work = refuse

    with pytest.raises(InvalidArgument):
        await reader.ListSigningKeys(LIST_KEYS)

    assert len(system.calls) == 1


async def test_a_failing_backend_sees_a_tenth_more_at_most(system: Any, reader: Any) -> None:
    system.work = failing(10**9, None)
    requests = 300

    for _ in range(requests):
        with pytest.raises(Unavailable):
            await reader.ListSigningKeys(LIST_KEYS)

    assert requests < len(system.calls) <= requests * 1.1 + RETRY_BURST


async def test_the_callers_deadline_is_passed_on_less_a_reserve(system: Any, reader: Any) -> None:
    left: list[float] = []

    async def look(_request: object) -> object:
        left.append(deadline.budget(999))
        return signing_keys_pb2.ListSigningKeysResponse()

    system.work = look
    deadline.set_remaining(2.0)

    await reader.ListSigningKeys(LIST_KEYS)

    assert 1.0 < left[0] < 2.0 - 2 * deadline.RESERVE_SECONDS + 0.01


async def test_the_channels_own_limit_holds_when_it_is_shorter(system: Any, reader: Any) -> None:
    left: list[float] = []

    async def look(_request: object) -> object:
        left.append(deadline.budget(999))
        return signing_keys_pb2.ListSigningKeysResponse()

    system.work = look
    deadline.set_remaining(100.0)

    await reader.ListSigningKeys(LIST_KEYS)

    assert 4.0 < left[0] < 5.0


async def test_a_call_that_takes_too_long_ends_in_time_and_frees_its_handler(system: Any, reader: Any) -> None:
    ended = asyncio.Event()

    async def hang(_request: object) -> object:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return None

    system.work = hang
    deadline.set_remaining(0.3)
    started = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        await reader.ListSigningKeys(LIST_KEYS)

    assert time.monotonic() - started < 1
    async with asyncio.timeout(2):
        await ended.wait()
    assert len(system.calls) == 1


async def test_no_time_left_fails_at_once_and_asks_nobody(system: Any, reader: Any) -> None:
    deadline.set_remaining(0.0)

    with pytest.raises(DeadlineExceeded):
        await reader.ListSigningKeys(LIST_KEYS)

    assert system.calls == []


async def test_what_goes_along_reaches_the_handler(system: Any, reader: Any, testbed: Testbed) -> None:
    set_outgoing(Outgoing((*testbed.as_user(user_id="u9"), (metadata.REQUEST_ID, "r-9"), (metadata.CLIENT_IP, "::1"))))

    await reader.ListSigningKeys(LIST_KEYS)

    (call,) = system.calls
    assert (call.identity and call.identity.user_id, call.request_id, call.client_ip) == ("u9", "r-9", "::1")


async def test_a_replay_is_noticed(system: Any, keys_of: Any) -> None:
    async def replay(_request: object) -> object:
        current_call().mark_replayed()
        return api_keys_pb2.ExchangeApiKeyResponse()

    outgoing = Outgoing()
    set_outgoing(outgoing)
    await keys_of.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest())
    assert not outgoing.is_replay
    system.work = replay

    await keys_of.ExchangeApiKey(api_keys_pb2.ExchangeApiKeyRequest())

    assert outgoing.is_replay


async def test_an_unreachable_service_is_unavailable_without_its_address(unused_port: int) -> None:
    channel: Any = Channel(f"127.0.0.1:{unused_port}", deadline_seconds=2)
    stub: Any = signing_keys_pb2_grpc.SigningKeysServiceStub(channel)

    with pytest.raises(Unavailable) as caught:
        await stub.ListSigningKeys(LIST_KEYS)

    assert str(unused_port) not in caught.value.message
    await channel.close()


async def test_a_service_that_comes_back_is_found_again(unused_port: int) -> None:
    channel: Any = Channel(f"127.0.0.1:{unused_port}", deadline_seconds=2)
    stub: Any = signing_keys_pb2_grpc.SigningKeysServiceStub(channel)
    with pytest.raises(Unavailable):
        await stub.ListSigningKeys(LIST_KEYS)
    server = grpc.aio.server()

    async def relay(_request: bytes, _context: object) -> bytes:
        return b""

    methods = {"ListSigningKeys": grpc.unary_unary_rpc_method_handler(relay)}
    name = "promptsphere.auth.v1.SigningKeysService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    server.add_insecure_port(f"127.0.0.1:{unused_port}")
    await server.start()

    async with asyncio.timeout(3):
        while True:
            try:
                await stub.ListSigningKeys(LIST_KEYS)
                break
            except Unavailable:
                await asyncio.sleep(0.05)

    await channel.close()
    await server.stop(0)
