"""The official `openai` SDK judges the fake: right results, the right typed exception for each refusal."""

from collections.abc import AsyncIterator

import aiohttp
import openai
import orjson
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from openai.types.chat import ChatCompletionMessageParam
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdict", "evidence_quote", "score", "items"],
    "properties": {
        "verdict": {"enum": ["met", "not"]},
        "evidence_quote": {"type": ["string", "null"], "maxLength": 50},
        "score": {"type": "integer", "minimum": 3},
        "items": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {
        "item": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string", "minLength": 7}},
        }
    },
}


@pytest_asyncio.fixture
async def client(fake_dashscope: FakeDashScope) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=fake_dashscope.base_url, api_key="sk-made-up", max_retries=0, timeout=5
    ) as made:
        yield made


async def test_a_whole_call_answers_with_usage(client: openai.AsyncOpenAI, fake_dashscope: FakeDashScope) -> None:
    answer = await client.chat.completions.create(model="qwen-plus", messages=ASK)

    assert answer.choices[0].message.content == "You said: Hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    record = fake_dashscope.requests[0]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
        record.prompt_tokens,
        record.completion_tokens,
    )


async def test_a_stream_ends_with_usage_in_a_chunk_without_choices(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="qwen-plus", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: Hello there"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_a_stream_without_include_usage_has_none(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="qwen-plus", messages=ASK, stream=True)

    assert all(chunk.usage is None and chunk.choices for chunk in [chunk async for chunk in stream])


async def test_a_thinking_model_streams_its_reasoning_apart(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="qwen3.7-plus", messages=ASK, stream=True)
    deltas = [chunk.choices[0].delta async for chunk in stream]

    assert any(getattr(delta, "reasoning_content", None) for delta in deltas)
    assert "".join(delta.content or "" for delta in deltas) == "You said: Hello there"


async def test_json_schema_answers_satisfy_the_schema(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="qwen-flash",
        messages=[{"role": "user", "content": '{"content": "You are a teacher.\\nBe kind."}'}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "check", "strict": True, "schema": SCHEMA},
        },
    )

    value = orjson.loads(answer.choices[0].message.content or "")
    Draft202012Validator(SCHEMA).validate(value)
    assert value["evidence_quote"] == "You are a teacher."


async def test_json_object_answers_satisfy_the_schema_shown_in_the_message(
    client: openai.AsyncOpenAI,
) -> None:
    answer = await client.chat.completions.create(
        model="deepseek-v4-flash",
        messages=[
            {"role": "system", "content": "Answer in JSON that satisfies:\n" + orjson.dumps(SCHEMA).decode()},
            {"role": "user", "content": "now"},
        ],
        response_format={"type": "json_object"},
    )

    Draft202012Validator(SCHEMA).validate(orjson.loads(answer.choices[0].message.content or ""))


async def test_max_tokens_cuts_with_length(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="qwen-plus", messages=ASK, max_tokens=2)

    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "You said"


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]

    assert {"qwen-flash", "qwen-plus", "qwen3-max"} <= set(listed)


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        ("invalid_parameter", openai.BadRequestError, "invalid_parameter_error"),
        ("data_inspection", openai.BadRequestError, "data_inspection_failed"),
        ("arrears", openai.BadRequestError, "Arrearage"),
        ("invalid_api_key", openai.AuthenticationError, "invalid_api_key"),
        ("access_denied", openai.PermissionDeniedError, "AccessDenied"),
        ("free_tier_only", openai.PermissionDeniedError, "AllocationQuota.FreeTierOnly"),
        ("model_not_found", openai.NotFoundError, "model_not_found"),
        ("rate_quota", openai.RateLimitError, "Throttling.RateQuota"),
        ("insufficient_quota", openai.RateLimitError, "insufficient_quota"),
        ("prepaid_overdue", openai.RateLimitError, "PrepaidBillOverdue"),
        ("internal_error", openai.InternalServerError, "internal_error"),
        ("model_unavailable", openai.InternalServerError, "ModelUnavailable"),
    ],
)
async def test_each_refusal_is_the_sdks_typed_exception(
    client: openai.AsyncOpenAI,
    fake_dashscope: FakeDashScope,
    error: str,
    expected: type[openai.APIStatusError],
    code: str,
) -> None:
    fake_dashscope.script(Fault(FaultKind.ERROR, error=error))

    with pytest.raises(expected) as raised:
        await client.chat.completions.create(model="qwen-plus", messages=ASK)

    assert raised.value.code == code
    assert raised.value.response.headers["x-request-id"] == fake_dashscope.requests[0].request_id


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"model": "qwen-plus", "response_format": {"type": "json_object"}}, "json"),
        ({"model": "qwen3.7-plus"}, "enable_thinking"),
        ({"model": "qwq-plus", "extra_body": {"enable_thinking": False}}, "enable_thinking"),
        ({"model": "qwen-plus", "temperature": 3}, "temperature"),
        ({"model": "qwen-plus", "messages": []}, "messages"),
    ],
)
async def test_the_vendors_own_rules_are_bad_requests(
    client: openai.AsyncOpenAI, arguments: dict[str, object], word: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=word):
        await client.chat.completions.create(**{"messages": ASK, **arguments})  # type: ignore[call-overload]  # wrong on purpose


async def test_unknown_models_and_foreign_keys_are_told_apart(fake_dashscope: FakeDashScope) -> None:
    async with openai.AsyncOpenAI(base_url=fake_dashscope.base_url, api_key="pk-foreign", max_retries=0) as foreign:
        with pytest.raises(openai.AuthenticationError):
            await foreign.chat.completions.create(model="qwen-plus", messages=ASK)
        with pytest.raises(openai.NotFoundError):
            await foreign.with_options(api_key="sk-good").chat.completions.create(model="gpt-9", messages=ASK)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.RESET, FaultKind.RESET_BEFORE_HEADERS])
async def test_broken_connections_are_connection_errors(
    client: openai.AsyncOpenAI, fake_dashscope: FakeDashScope, kind: FaultKind
) -> None:
    fake_dashscope.script(Fault(kind))

    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(model="qwen-plus", messages=ASK)


async def test_a_hang_is_a_timeout(client: openai.AsyncOpenAI, fake_dashscope: FakeDashScope) -> None:
    fake_dashscope.script(Fault(FaultKind.HANG_BEFORE_HEADERS))

    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.2).chat.completions.create(model="qwen-plus", messages=ASK)


async def test_the_control_api_scripts_faults_by_model_and_shows_the_bill(
    client: openai.AsyncOpenAI, fake_dashscope: FakeDashScope
) -> None:
    async with aiohttp.ClientSession() as session:
        scripted = {"models": {"qwen-flash": [{"kind": "error", "error": "system_error"}]}}
        await session.post(f"{fake_dashscope.control_url}/faults", json=scripted)
        unaffected = await client.chat.completions.create(model="qwen-plus", messages=ASK)
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model="qwen-flash", messages=ASK)
        log = await (await session.get(f"{fake_dashscope.control_url}/requests")).json()
        refused = await session.post(f"{fake_dashscope.control_url}/faults", json={"queue": [{"kind": "odd"}]})

    assert refused.status == 400
    assert unaffected.usage is not None
    assert [entry["status"] for entry in log["items"]] == [200, 500]
    assert log["billed"]["completion_tokens"] == unaffected.usage.completion_tokens
