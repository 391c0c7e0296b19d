from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from promptsphere.auth.v1 import api_keys_pb2
from promptsphere.generation.v1 import runs_pb2
from servicekit import errors
from servicekit.errors import InvalidArgument, SphereError, Violation
from servicekit.rpc.status import error_from_rpc
from servicekit.testing.rpc import Testbed
from structlog.testing import capture_logs

FULL: dict[str, Any] = {
    "reason": "missing_variables",
    "metadata": {"needed": "客服"},
    "violations": (Violation("/variables/a~1b", "is required"), Violation("", "整体")),
    "retry_after_seconds": 1.25,
}


def raising(error: Exception) -> Any:
    async def work(_request: object) -> object:
        raise error

    return work


def streaming_then(error: Exception, count: int) -> Any:
    async def stream(_request: object) -> AsyncIterator[runs_pb2.StreamRunResponse]:
        for number in range(count):
            yield runs_pb2.StreamRunResponse(id=number + 1)
        raise error

    return stream


async def refusal(call: Any) -> tuple[grpc.aio.AioRpcError, SphereError]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value, error_from_rpc(caught.value)


async def read_all(stream: Any) -> list[Any]:
    return [one async for one in stream]


@pytest.mark.parametrize("kind", list(errors.ERRORS_BY_CODE.values()), ids=lambda kind: kind.code)
async def test_each_error_crosses_the_wire_whole(system: Any, api_keys: Any, testbed: Testbed, kind: Any) -> None:
    system.work = raising(kind("请说明要做什么。", **FULL))

    raw, error = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert raw.code().name == kind.code
    assert type(error) is kind
    assert (error.message, error.reason, dict(error.metadata)) == (
        "请说明要做什么。",
        "missing_variables",
        FULL["metadata"],
    )
    assert (error.violations, error.retry_after_seconds) == (FULL["violations"], 1.25)


async def test_an_error_in_a_stream_crosses_the_wire_whole_after_what_was_sent(
    system: Any, runs: Any, testbed: Testbed
) -> None:
    system.stream = streaming_then(InvalidArgument("no", **FULL), 3)
    stream = runs.StreamRun(runs_pb2.StreamRunRequest(), metadata=testbed.as_user())
    received = [await stream.read() for _ in range(3)]

    _, error = await refusal(stream.read())

    assert [one.id for one in received] == [1, 2, 3]
    assert (type(error), error.reason, error.violations) == (InvalidArgument, "missing_variables", FULL["violations"])


async def test_many_and_long_violations_are_cut_instead_of_losing_the_reason(
    system: Any, api_keys: Any, testbed: Testbed
) -> None:
    violations = [Violation(f"/{'字' * 5000}/{number}", "长" * 5000) for number in range(1000)]
    error = InvalidArgument(
        "x" * 100_000, reason="missing_variables", violations=violations, metadata={"a": "b" * 9000}
    )
    system.work = raising(error)

    _, arrived = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert (type(arrived), arrived.reason) == (InvalidArgument, "missing_variables")
    assert len(arrived.violations) == 100
    assert len(arrived.message) <= 1000


async def test_a_lone_surrogate_in_a_sentence_is_replaced(system: Any, api_keys: Any, testbed: Testbed) -> None:
    system.work = raising(InvalidArgument("bad \ud800", violations=[Violation("/\udfff", "\ud800")]))

    raw, error = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert raw.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.violations == (Violation("/?", "?"),)


@pytest.mark.parametrize("is_stream", [False, True], ids=["unary", "stream"])
async def test_an_unexpected_exception_is_internal_logged_with_its_traceback_and_tells_nothing(
    system: Any, api_keys: Any, runs: Any, testbed: Testbed, is_stream: Any
) -> None:
    failure = ZeroDivisionError("password=hunter2 at 10.0.0.7")
    system.work, system.stream = raising(failure), streaming_then(failure, 0)
    caller = testbed.as_user(role="admin")

    with capture_logs() as logged:
        raw, error = await refusal(
            read_all(runs.StreamRun(runs_pb2.StreamRunRequest(), metadata=caller))
            if is_stream
            else api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=caller),
        )

    assert raw.code() is grpc.StatusCode.INTERNAL
    assert error.reason == "internal"
    assert "hunter2" not in f"{raw!r} {error!r} {raw.debug_error_string()}"
    entry = next(one for one in logged if one["event"] == "rpc failed")
    assert entry["exc_info"] is failure
    assert failure.__traceback__ is not None


async def test_an_error_without_a_code_of_its_own_leaves_as_internal_never_unknown(
    system: Any, api_keys: Any, testbed: Testbed
) -> None:
    system.work = raising(SphereError("no code"))

    raw, _ = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert raw.code() is grpc.StatusCode.INTERNAL


async def test_a_handler_that_answers_nothing_is_internal_never_unknown(
    system: Any, api_keys: Any, testbed: Testbed
) -> None:
    async def nothing(_request: object) -> None:
        return None

    system.work = nothing

    raw, _ = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert raw.code() is grpc.StatusCode.INTERNAL


async def test_a_timeout_in_the_handler_is_deadline_exceeded(system: Any, api_keys: Any, testbed: Testbed) -> None:
    system.work = raising(TimeoutError())

    raw, error = await refusal(
        api_keys.ListApiKeys(api_keys_pb2.ListApiKeysRequest(), metadata=testbed.as_user(role="admin")),
    )

    assert raw.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.reason == "deadline_exceeded"


@pytest.mark.parametrize("method", ["/promptsphere.auth.v1.ApiKeysService/ListApiKeys"])
async def test_bytes_that_are_no_message_are_refused_as_the_callers_fault(testbed: Testbed, method: str) -> None:
    call = testbed.channel.unary_unary(method, None, None)

    raw, error = await refusal(call(b"\xff\xff\xff\xff", metadata=testbed.as_user(role="admin")))

    assert raw.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "invalid_request"


async def test_bytes_that_are_no_message_are_refused_in_a_stream_too(testbed: Testbed) -> None:
    call = testbed.channel.unary_stream("/promptsphere.generation.v1.RunsService/StreamRun", None, None)

    raw, _ = await refusal(read_all(call(b"\xff\xff\xff\xff", metadata=testbed.as_user())))

    assert raw.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_who_is_not_known_is_told_that_before_the_message_is_read(testbed: Testbed) -> None:
    call = testbed.channel.unary_unary("/promptsphere.auth.v1.ApiKeysService/ListApiKeys", None, None)

    raw, _ = await refusal(call(b"\xff\xff\xff\xff"))

    assert raw.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_method_that_is_not_served_is_not_implemented(testbed: Testbed) -> None:
    call = testbed.channel.unary_unary("/promptsphere.auth.v1.ApiKeysService/Nothing", None, None)

    raw, error = await refusal(call(b""))

    assert raw.code() is grpc.StatusCode.UNIMPLEMENTED
    assert error.reason == "not_implemented"


def test_details_that_are_not_ours_are_ignored() -> None:
    failure = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("grpc-status-details-bin", b"\xff\xff\xff")),
        details="connect to 10.0.0.7:1 failed",
        debug_error_string="",
    )

    error = error_from_rpc(failure)

    assert (error.code, error.reason, error.retry_after_seconds) == ("UNAVAILABLE", "unavailable", 1)
    assert "10.0.0.7" not in error.message
