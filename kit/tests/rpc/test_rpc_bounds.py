"""The interceptor refuses what is larger than the contract says, before the handler sees it."""

import time
from typing import Any

import grpc
import pytest
from promptsphere.auth.v1 import accounts_pb2, api_keys_pb2
from promptsphere.generation.v1 import runs_pb2
from promptsphere.prompt.v1 import prompts_pb2, versions_pb2
from servicekit.errors import InvalidArgument, SphereError
from servicekit.rpc.bounds import check_bounds
from servicekit.rpc.status import error_from_rpc
from servicekit.testing.rpc import Testbed

MANY = 1001
LONG = "字" * 400


async def refusal(call: Any) -> SphereError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value)


async def test_a_list_with_too_many_items_never_reaches_the_handler(
    system: Any, api_keys: Any, testbed: Testbed
) -> None:
    request = api_keys_pb2.CreateApiKeyRequest(name="a", scopes=["read"], allowed_ips=["::1"] * MANY)

    error = await refusal(api_keys.CreateApiKey(request, metadata=testbed.as_user()))

    assert (type(error), error.reason) == (InvalidArgument, "invalid_request")
    assert [(one.pointer, one.message) for one in error.violations] == [
        ("/allowed_ips", "must have at most 1000 items")
    ]
    assert error.metadata == {"max_items": "1000"}
    assert error.message == "allowed_ips must have at most 1000 items."
    assert not system.calls


async def test_a_long_string_never_reaches_the_handler_of_a_stream(system: Any, runs: Any, testbed: Testbed) -> None:
    stream = runs.StreamRun(runs_pb2.StreamRunRequest(id="x" * 20_000), metadata=testbed.as_user())

    error = await refusal(stream.read())

    assert (error.reason, error.violations[0].pointer) == ("invalid_request", "/path/id")
    assert error.metadata == {"max_bytes": "16384"}
    assert not system.calls


async def test_who_may_not_call_is_told_that_and_not_the_bound(api_keys: Any, testbed: Testbed) -> None:
    request = api_keys_pb2.CreateApiKeyRequest(allowed_ips=["::1"] * MANY)

    error = await refusal(api_keys.CreateApiKey(request, metadata=testbed.as_api_key(scopes=["read"])))

    assert error.reason == "scope_missing"


@pytest.mark.parametrize(
    ("request_", "pointers"),
    [
        (accounts_pb2.UpdateMeRequest(user=accounts_pb2.User(locale=LONG)), ["/locale"]),
        (
            api_keys_pb2.CreateApiKeyRequest(allowed_ips=["::1", LONG, "::2", LONG]),
            ["/allowed_ips/1", "/allowed_ips/3"],
        ),
        (runs_pb2.CreateRunRequest(generate=runs_pb2.GenerateInput(layout=LONG)), ["/input/layout"]),
        (prompts_pb2.UpdatePromptRequest(prompt=prompts_pb2.Prompt(labels={"x" * 20_000: 1})), ["/labels"]),
        (
            prompts_pb2.CreatePromptRequest(
                version=versions_pb2.VersionDraft(
                    messages=versions_pb2.Messages(items=[versions_pb2.Message(), versions_pb2.Message(role=LONG)]),
                    variables=[versions_pb2.Variable(type=LONG), versions_pb2.Variable(options=["x" * 20_000])],
                )
            ),
            ["/messages/1/role", "/variables/0/type", "/variables/1/options/0"],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_pointers_lead_into_the_rest_body(request_: Any, pointers: list[str]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_bounds(request_)

    assert [one.pointer for one in refused.value.violations] == pointers


def test_a_message_that_is_wrong_everywhere_is_answered_with_some_of_it() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_bounds(api_keys_pb2.CreateApiKeyRequest(allowed_ips=[LONG] * 1000))

    assert len(refused.value.violations) == 20


def test_the_check_of_the_largest_message_takes_no_time_to_speak_of() -> None:
    messages = [versions_pb2.Message(role="user", content="字" * 1300) for _ in range(1000)]
    draft = versions_pb2.VersionDraft(messages=versions_pb2.Messages(items=messages))
    request = prompts_pb2.CreatePromptRequest(name="a", version=draft)
    check_bounds(request)  # the plan of each field is made once

    spent = []
    for _ in range(5):
        started = time.process_time()
        check_bounds(request)
        spent.append(time.process_time() - started)

    assert request.ByteSize() > 3_500_000
    assert min(spent) < 0.05
