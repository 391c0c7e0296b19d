"""What other servers really send: each oddity through the real door, to its end, its usage and its text."""

from dataclasses import replace

import pytest
from generation_service.dashscope.calls import Finished, ModelCall, TextDelta, UsageEvent, user
from generation_service.dashscope.client import ModelChoice, ModelClient
from generation_service.dashscope.door import Caller, open_door
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.policy import load_policy
from generation_service.dashscope.wire.transport import Endpoint
from generation_service_testing import MemoryAttempts
from servicekit.errors import SphereError
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.oddities import ODDITIES, Oddity

CALL = ModelCall("qwen-plus", (user("Tell me something about careful engineering, please"),), "test")
TEXT = "## 角色\n你是客服😀, and you write “plain” text.\n\n- {{ user_input }} \\ 𝒳\n"
MOST_OUTPUT_TOKENS = 1_000


def scripted(oddity: Oddity) -> Fault:
    return Fault(FaultKind.RAW, raw=oddity.body(TEXT), status=oddity.status, headers=oddity.headers)


async def heard(client: ModelClient) -> tuple[str, str, int]:
    """The text, the end, and how many usages came."""
    text, end, usages = "", "", 0
    try:
        async for event in client.stream(CALL):
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, UsageEvent):
                usages += 1
            elif isinstance(event, Finished):
                end = event.finish_reason
    except SphereError as error:
        end = error.reason
    return text, end, usages


def test_the_table_is_long_and_names_where_each_was_seen() -> None:
    assert len({oddity.name for oddity in ODDITIES}) == len(ODDITIES) >= 60
    assert all(oddity.seen for oddity in ODDITIES)


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
async def test_each_oddity_has_its_end_its_usage_and_its_text(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, oddity: Oddity
) -> None:
    fake_dashscope.script(scripted(oddity))

    text, end, usages = await heard(model_client)

    outcome = rows.ended[0]
    is_success = oddity.end in {"stop", "length"}
    assert end == oddity.end
    assert (outcome.state, usages) == (("succeeded", 1) if is_success else ("failed", 0))
    if is_success or oddity.usage is not None:
        assert text == oddity.said(TEXT)
    else:
        assert TEXT.startswith(text)
    if oddity.usage is not None:
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == oddity.usage
        assert not outcome.usage.estimated
    elif text:
        assert outcome.usage.estimated
        assert outcome.usage.input_tokens > 0
        assert 0 < outcome.usage.output_tokens < MOST_OUTPUT_TOKENS
    assert outcome.usage.cached_tokens <= outcome.usage.input_tokens
    assert len(rows.ended) == 1


async def test_odd_answers_of_one_tenant_do_not_shut_out_the_others(
    fake_dashscope: FakeDashScope, rows: MemoryAttempts, short_limits: Limits
) -> None:
    """However many odd answers of status 200 come in a row: none that is about content counts."""
    limits = replace(short_limits, breaker_failures=1, breaker_first_wait_seconds=60.0)
    counted = {"model_unavailable", "model_rate_limited", "model_timeout"}
    odd = [one for one in ODDITIES if one.status == 200 and one.end not in counted]
    fake_dashscope.script(*map(scripted, odd))
    async with open_door(Endpoint(fake_dashscope.base_url, "sk-x"), load_policy(), limits=limits) as door:
        for _ in odd:
            await heard(ModelClient(door, Caller(rows, tenant="odd"), ModelChoice()))
        fake_dashscope.script(*[Fault(FaultKind.RAW, raw=b'data: {"error": "no such thing"}\n\n')] * 3)
        for _ in range(3):
            await heard(ModelClient(door, Caller(rows, tenant="odd"), ModelChoice()))
        answer = await door.complete(CALL, Caller(rows, tenant="even"))

    assert answer.finish_reason == "stop"
    assert len(fake_dashscope.requests) == len(odd) + 4


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.ERROR, error="system_error"),
        Fault(FaultKind.ERROR, error="rate_quota"),
        Fault(FaultKind.RESET_BEFORE_HEADERS),
        Fault(FaultKind.HANG_BEFORE_HEADERS),
        Fault(FaultKind.RAW, raw=b"", status=503),
        Fault(FaultKind.RAW, raw=b'data: {"error": {"code": 429}}\n\n'),
    ],
    ids=lambda fault: f"{fault.kind.value} {fault.error or fault.status}",
)
async def test_what_the_provider_itself_lacks_opens_the_breaker(
    fake_dashscope: FakeDashScope, rows: MemoryAttempts, short_limits: Limits, fault: Fault
) -> None:
    limits = replace(short_limits, breaker_failures=1, breaker_first_wait_seconds=60.0, max_attempts=1)
    fake_dashscope.script(fault)
    async with open_door(Endpoint(fake_dashscope.base_url, "sk-x"), load_policy(), limits=limits) as door:
        client = ModelClient(door, Caller(rows), ModelChoice())
        first, second = await heard(client), await heard(client)

    assert first[1] == second[1] != "stop"
    assert len(fake_dashscope.requests) == 1


def thinking(pieces: int) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"reasoning":"hm "}}]}\n\n' * pieces


async def test_thinking_for_longer_than_silence_may_last_is_progress(
    fake_dashscope: FakeDashScope, model_client: ModelClient, short_limits: Limits
) -> None:
    raw = thinking(40) + ODDITIES[0].body(TEXT)
    pause_seconds = 3 * short_limits.idle_timeout_seconds / 40
    fake_dashscope.script(Fault(FaultKind.RAW, raw=raw, chunk_bytes=len(thinking(1)), seconds=pause_seconds))

    assert await heard(model_client) == (TEXT, "stop", 1)


async def test_thinking_without_end_is_a_time_out_that_the_breaker_does_not_count(
    fake_dashscope: FakeDashScope, rows: MemoryAttempts, short_limits: Limits
) -> None:
    limits = replace(short_limits, reasoning_timeout_seconds=0.6, breaker_failures=1, breaker_first_wait_seconds=60.0)
    fake_dashscope.script(Fault(FaultKind.RAW, raw=thinking(500), chunk_bytes=len(thinking(1)), seconds=0.02))
    async with open_door(Endpoint(fake_dashscope.base_url, "sk-x"), load_policy(), limits=limits) as door:
        client = ModelClient(door, Caller(rows), ModelChoice())
        endless, next_one = await heard(client), await heard(client)

    assert endless == ("", "model_timeout", 0)
    assert next_one[1] == "stop"
    assert rows.ended[0].usage.estimated
