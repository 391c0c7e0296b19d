"""F14: every fault of the vendor ends in the right typed error, with the right number of attempts and true rows."""

import socket
import tracemalloc

import pytest
from generation_service.dashscope.calls import Finished, ModelCall, ModelEvent, TextDelta, UsageEvent, user
from generation_service.dashscope.client import ModelClient
from generation_service.dashscope.door import Caller, open_door
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.policy import load_policy
from generation_service.dashscope.wire.transport import Endpoint
from generation_service_testing import MemoryAttempts
from servicekit.errors import SphereError
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind

CALL = ModelCall("qwen-plus", (user("Tell me something about careful engineering, please"),), "test")
ANSWER = "You said: Tell me something about careful engineering, please"


async def heard(client: ModelClient, call: ModelCall = CALL) -> tuple[list[ModelEvent], SphereError | None]:
    events: list[ModelEvent] = []
    try:
        events.extend([event async for event in client.stream(call)])
    except SphereError as error:
        return events, error
    return events, None


async def heard_until_error(client: ModelClient) -> tuple[str, SphereError | None]:
    text = ""
    try:
        async for event in client.stream(CALL):
            text += event.text if isinstance(event, TextDelta) else ""
    except SphereError as error:
        return text, error
    return text, None


def check_rows(rows: MemoryAttempts, fake: FakeDashScope) -> None:
    """The rows are the fake's own log: one for each request, with its id, and its tokens where they are known."""
    assert len(rows.ended) == len(fake.requests)
    for number, (start, outcome, record) in enumerate(zip(rows.starts, rows.ended, fake.requests, strict=True), 1):
        assert (start.model, start.number) == (record.model, number)
        if outcome.upstream_request_id is not None:
            assert outcome.upstream_request_id == record.request_id
        if outcome.state == "succeeded" and not outcome.usage.estimated:
            assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (
                record.prompt_tokens,
                record.completion_tokens,
            )
        if record.status not in {0, 200}:
            assert outcome.usage.input_tokens == outcome.usage.output_tokens == 0


REFUSALS = [
    ("invalid_parameter", "INVALID_ARGUMENT", "model_bad_request", 1),
    ("data_inspection", "INVALID_ARGUMENT", "model_rejected_input", 1),
    ("arrears", "FAILED_PRECONDITION", "model_arrears", 1),
    ("invalid_api_key", "FAILED_PRECONDITION", "model_auth_failed", 1),
    ("access_denied", "FAILED_PRECONDITION", "model_access_denied", 1),
    ("free_tier_only", "FAILED_PRECONDITION", "model_access_denied", 1),
    ("model_not_found", "NOT_FOUND", "model_not_found", 1),
    ("throttling", "RESOURCE_EXHAUSTED", "model_rate_limited", 2),
    ("rate_quota", "RESOURCE_EXHAUSTED", "model_rate_limited", 2),
    ("limit_requests", "RESOURCE_EXHAUSTED", "model_rate_limited", 2),
    ("burst_rate", "RESOURCE_EXHAUSTED", "model_rate_limited", 2),
    ("limit_burst_rate", "RESOURCE_EXHAUSTED", "model_rate_limited", 2),
    ("allocation_quota", "RESOURCE_EXHAUSTED", "model_quota_exhausted", 2),
    ("insufficient_quota", "RESOURCE_EXHAUSTED", "model_quota_exhausted", 2),
    ("not_purchased", "FAILED_PRECONDITION", "model_arrears", 1),
    ("prepaid_overdue", "FAILED_PRECONDITION", "model_arrears", 1),
    ("postpaid_overdue", "FAILED_PRECONDITION", "model_arrears", 1),
    ("internal_error", "UNAVAILABLE", "model_unavailable", 2),
    ("internal_algo", "UNAVAILABLE", "model_unavailable", 2),
    ("system_error", "UNAVAILABLE", "model_unavailable", 2),
    ("model_service_failed", "UNAVAILABLE", "model_unavailable", 2),
    ("request_timeout", "UNAVAILABLE", "model_unavailable", 2),
    ("model_serving", "UNAVAILABLE", "model_unavailable", 2),
    ("model_unavailable", "UNAVAILABLE", "model_unavailable", 2),
]


@pytest.mark.parametrize(("error", "code", "reason", "attempts"), REFUSALS)
async def test_each_refusal_has_its_reason_and_only_the_listed_ones_are_tried_again(
    fake_dashscope: FakeDashScope,
    model_client: ModelClient,
    rows: MemoryAttempts,
    error: str,
    code: str,
    reason: str,
    attempts: int,
) -> None:
    fake_dashscope.script(*[Fault(FaultKind.ERROR, error=error)] * 5)

    events, raised = await heard(model_client)

    assert raised is not None
    assert (raised.code, raised.reason, events) == (code, reason, [])
    assert [outcome.error_reason for outcome in rows.ended] == [reason] * attempts
    check_rows(rows, fake_dashscope)


@pytest.mark.parametrize("error", ["rate_quota", "burst_rate", "allocation_quota", "system_error"])
async def test_a_second_attempt_that_works_is_a_success(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, error: str
) -> None:
    fake_dashscope.script(Fault(FaultKind.ERROR, error=error))

    text, raised = await heard_until_error(model_client)

    assert (text, raised) == (ANSWER, None)
    assert [outcome.state for outcome in rows.ended] == ["failed", "succeeded"]
    check_rows(rows, fake_dashscope)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(FaultKind.HANG_BEFORE_HEADERS), "model_timeout"),
        (Fault(FaultKind.HANG_MID_STREAM, after_chunks=-1), "model_timeout"),
        (Fault(FaultKind.RESET_BEFORE_HEADERS), "model_unavailable"),
        (Fault(FaultKind.CUT, at_byte=0), "model_stream_cut"),
        (Fault(FaultKind.CLEAN_END, at_byte=0), "model_stream_cut"),
        (Fault(FaultKind.ERROR_IN_STREAM, error="data_inspection", after_chunks=0), "model_rejected_input"),
        (Fault(FaultKind.ERROR_IN_BODY, error="insufficient_quota"), None),
        (Fault(FaultKind.HTML), "model_protocol_error"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else str(value),
)
async def test_faults_before_the_first_delta(
    fake_dashscope: FakeDashScope,
    model_client: ModelClient,
    rows: MemoryAttempts,
    fault: Fault,
    reason: str | None,
) -> None:
    fake_dashscope.script(fault)

    text, raised = await heard_until_error(model_client)

    if reason is None:  # retryable, and the second attempt works
        assert (text, raised) == (ANSWER, None)
    else:
        assert raised is not None
        assert (text, raised.reason, len(rows.ended)) == ("", reason, 1)
    check_rows(rows, fake_dashscope)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(FaultKind.HANG_MID_STREAM), "model_timeout"),
        (Fault(FaultKind.WARM_HANG, seconds=0.05), "model_timeout"),
        (Fault(FaultKind.CUT), "model_stream_cut"),
        (Fault(FaultKind.CLEAN_END), "model_stream_cut"),
        (Fault(FaultKind.RESET), "model_stream_cut"),
        (Fault(FaultKind.MALFORMED_SSE), "model_protocol_error"),
        (Fault(FaultKind.BAD_UTF8), "model_protocol_error"),
        (Fault(FaultKind.LONG_LINE), "model_protocol_error"),
        (Fault(FaultKind.ERROR_IN_STREAM, error="rate_quota"), "model_rate_limited"),
        (Fault(FaultKind.ERROR_IN_STREAM, error="system_error", then_content=True), "model_unavailable"),
        (Fault(FaultKind.NO_FINISH_REASON), "model_stream_cut"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else str(value),
)
async def test_faults_after_the_first_delta_are_never_tried_again(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, fault: Fault, reason: str
) -> None:
    fake_dashscope.script(fault)

    text, raised = await heard_until_error(model_client)

    assert raised is not None
    assert raised.reason == reason
    assert text
    assert ANSWER.startswith(text)
    assert [outcome.state for outcome in rows.ended] == ["failed"]
    assert rows.ended[0].usage.estimated is (fault.kind is not FaultKind.NO_FINISH_REASON)
    assert rows.ended[0].usage.output_tokens > 0
    if fault.kind is not FaultKind.NO_FINISH_REASON:
        assert text != ANSWER
    check_rows(rows, fake_dashscope)


@pytest.mark.parametrize(
    ("kind", "is_estimated"),
    [
        (FaultKind.FINISH_TWICE, False),
        (FaultKind.USAGE_TWICE, False),
        (FaultKind.USAGE_MISSING, True),
        (FaultKind.JSON_LABELLED_SSE, False),
        (FaultKind.SSE_LABELLED_JSON, False),
        (FaultKind.NONE, False),
    ],
)
async def test_oddities_that_are_still_an_answer(
    fake_dashscope: FakeDashScope,
    model_client: ModelClient,
    rows: MemoryAttempts,
    kind: FaultKind,
    is_estimated: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    fake_dashscope.script(Fault(kind))

    events, raised = await heard(model_client)

    assert raised is None
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == ANSWER
    usages = [event.usage for event in events if isinstance(event, UsageEvent)]
    assert [usage.estimated for usage in usages] == [is_estimated]
    assert [type(event) for event in events[-2:]] == [UsageEvent, Finished]
    assert usages[0].cost > 0
    check_rows(rows, fake_dashscope)


async def test_a_third_end_is_no_longer_tolerated(fake_dashscope: FakeDashScope, model_client: ModelClient) -> None:
    fake_dashscope.script(Fault(FaultKind.FINISH_THRICE))

    _, raised = await heard(model_client)

    assert raised is not None
    assert raised.reason == "model_protocol_error"


@pytest.mark.parametrize("kind", [FaultKind.HANG_MID_STREAM, FaultKind.CUT, FaultKind.RESET])
async def test_a_failure_after_the_finish_reason_leaves_the_success(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, kind: FaultKind
) -> None:
    chunks = -(-len(ANSWER) // 12)
    fake_dashscope.script(Fault(kind, after_chunks=chunks + 1))

    text, raised = await heard_until_error(model_client)

    assert (text, raised) == (ANSWER, None)
    assert rows.ended[0].state == "succeeded"
    assert rows.ended[0].usage.estimated


async def test_a_cut_at_any_sampled_byte_is_success_only_with_the_finish_reason(
    fake_dashscope: FakeDashScope, model_client: ModelClient
) -> None:
    for at_byte in range(0, 2600, 97):
        for kind in (FaultKind.CUT, FaultKind.CLEAN_END):
            fake_dashscope.script(Fault(kind, at_byte=at_byte))
            text, raised = await heard_until_error(model_client)
            assert ANSWER.startswith(text)
            if raised is None:
                assert text == ANSWER
            else:
                assert raised.reason == "model_stream_cut"


async def test_memory_stays_flat_on_a_line_of_ten_mebibytes(
    fake_dashscope: FakeDashScope, model_client: ModelClient
) -> None:
    await heard(model_client)
    fake_dashscope.script(Fault(FaultKind.LONG_LINE, size_bytes=10 * 1024 * 1024))
    tracemalloc.start()
    try:
        _, raised = await heard(model_client)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert raised is not None
    assert raised.reason == "model_protocol_error"
    assert peak_bytes < 6 * 1024 * 1024  # the fake in this process included


async def test_a_refused_connection_is_tried_twice(rows: MemoryAttempts, short_limits: Limits) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", "sk-x")
        async with open_door(endpoint, load_policy(), limits=short_limits) as door:
            with pytest.raises(SphereError) as raised:
                _ = [event async for event in door.stream(CALL, Caller(rows))]

    assert raised.value.reason == "model_unavailable"
    assert [(row.state, row.usage.input_tokens) for row in rows.ended] == [("failed", 0)] * 2


async def test_a_wait_that_does_not_fit_the_deadline_is_not_begun(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(Fault(FaultKind.ERROR, error="rate_quota", retry_after_seconds=60))

    _, raised = await heard(model_client)

    assert raised is not None
    assert raised.retry_after_seconds == 60
    assert len(rows.ended) == 1


async def test_a_model_that_keeps_failing_is_left_alone_and_others_are_not(
    fake_dashscope: FakeDashScope, rows: MemoryAttempts, short_limits: Limits
) -> None:
    fake_dashscope.plan.standing["qwen-plus"] = Fault(FaultKind.ERROR, error="rate_quota")
    limits = Limits(backoff=short_limits.backoff, breaker_failures=2, breaker_first_wait_seconds=30)
    async with open_door(Endpoint(fake_dashscope.base_url, "sk-x"), load_policy(), limits=limits) as fused:
        with pytest.raises(SphereError):
            await fused.complete(CALL, Caller(rows))
        with pytest.raises(SphereError) as raised:
            await fused.complete(CALL, Caller(rows))
        other = await fused.complete(ModelCall("qwen-flash", (user("hello"),), "test"), Caller(rows))

    assert raised.value.reason == "model_rate_limited"
    assert raised.value.retry_after_seconds is not None
    assert raised.value.retry_after_seconds >= 30
    assert [record.model for record in fake_dashscope.requests] == ["qwen-plus", "qwen-plus", "qwen-flash"]
    assert other.text == "You said: hello"


async def test_a_connection_is_used_again_after_a_stream(
    fake_dashscope: FakeDashScope, model_client: ModelClient
) -> None:
    for _ in range(3):
        await heard(model_client)

    assert len({record.client_port for record in fake_dashscope.requests}) == 1
