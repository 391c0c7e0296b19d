import pytest
from generation_service.dashscope.calls import ModelCall, system, user
from generation_service.dashscope.client import ModelClient
from generation_service.dashscope.wire.structured import check_answer
from generation_service_testing import MemoryAttempts
from hypothesis import given
from hypothesis import strategies as st
from servicekit.errors import SphereError
from servicekit.json_types import JsonObject
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind

SCHEMA: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdict", "count"],
    "properties": {
        "verdict": {"type": "string", "enum": ["met", "not"]},
        "count": {"type": "integer", "minimum": 2},
    },
}


def call(model: str) -> ModelCall:
    messages = (system("Judge."), user('{"content": "A text."}'))
    return ModelCall(model, messages, "check", temperature=0.0, max_output_tokens=500)


@pytest.mark.parametrize(
    "model", ["qwen-flash", "qwen-plus", "qwen3-max", "qwen3.6-flash", "qwen3.7-plus", "deepseek-v4-flash"]
)
async def test_every_model_is_asked_in_the_form_it_takes(
    fake_dashscope: FakeDashScope, model_client: ModelClient, model: str
) -> None:
    answer = await model_client.complete_json(call(model), SCHEMA)

    assert answer == {"verdict": "met", "count": 2}
    assert [record.status for record in fake_dashscope.requests] == [200]


@pytest.mark.parametrize("bad", ["no json", '{"verdict": "met"}', "[1]", '{"verdict": "met", "count": 1}'])
async def test_an_answer_off_the_schema_is_repaired_once(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, bad: str
) -> None:
    fake_dashscope.script(Fault(FaultKind.ANSWER, content=bad))

    answer = await model_client.complete_json(call("qwen-flash"), SCHEMA)

    assert answer == {"verdict": "met", "count": 2}
    assert [start.purpose for start in rows.starts] == ["check", "check_repair"]
    assert bad in str(fake_dashscope.requests[1].body["messages"])


async def test_a_repair_that_fails_too_is_a_typed_error(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(*[Fault(FaultKind.ANSWER, content="{}")] * 3)

    with pytest.raises(SphereError) as raised:
        await model_client.complete_json(call("qwen-flash"), SCHEMA)

    assert raised.value.reason == "model_output_invalid"
    assert len(rows.ended) == 2


async def test_a_fenced_answer_is_read(fake_dashscope: FakeDashScope, model_client: ModelClient) -> None:
    fake_dashscope.script(Fault(FaultKind.ANSWER, content='```json\n{"verdict": "not", "count": 3}\n```'))

    assert await model_client.complete_json(call("qwen-flash"), SCHEMA) == {"verdict": "not", "count": 3}


ANSWER = '{"verdict": "not", "count": 3}'


@pytest.mark.parametrize(
    "wrapped",
    [
        "<think>\nWhat is {asked}?\n</think>\n\n{}",
        "I think {count: 3} will do.\n</think>\n{}",
        "<think></think>{}",
        "Here is the JSON:\n\n```json\n{}\n```\n\nLet me know if you need anything else!",
        "```\n{}\n```",
        "```json {} ```",
        "以下是结果：\n{}\n希望对您有帮助。",
        "Sure! {}",
        "\ufeff{}\n",
        '{"verdict": "perhaps", "count": 0}\nNo, that was wrong:\n{}',
    ],
)
async def test_an_answer_is_found_in_what_is_wrapped_around_it(
    fake_dashscope: FakeDashScope, model_client: ModelClient, wrapped: str
) -> None:
    fake_dashscope.script(Fault(FaultKind.ANSWER, content=wrapped.replace("{}", ANSWER)))

    assert await model_client.complete_json(call("qwen-flash"), SCHEMA) == {"verdict": "not", "count": 3}
    assert len(fake_dashscope.requests) == 1


@pytest.mark.parametrize(
    "bad", ['{"verdict": "not", "count": 3,}', "{" * 100_000, "[" * 100_000, '{"verdict": "not", "count": NaN}']
)
def test_what_is_no_json_to_the_letter_is_not_mended(bad: str) -> None:
    assert check_answer(bad, SCHEMA, is_cut=False)[1]


@given(st.text(alphabet='{}[]":,\\ \n\ud800a1`<think>/', max_size=200))
def test_no_answer_breaks_the_check(text: str) -> None:
    value, problems = check_answer(text, SCHEMA, is_cut=False)

    assert problems or value


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.HANG_BEFORE_HEADERS, "model_timeout"),
        (FaultKind.HANG_MID_STREAM, "model_timeout"),
        (FaultKind.CUT, "model_stream_cut"),
        (FaultKind.RESET, "model_stream_cut"),
        (FaultKind.MALFORMED_SSE, "model_protocol_error"),
        (FaultKind.BAD_UTF8, "model_protocol_error"),
        (FaultKind.LONG_LINE, "model_protocol_error"),
        (FaultKind.NO_FINISH_REASON, "model_stream_cut"),
    ],
)
async def test_faults_of_a_whole_answer_are_typed_and_not_tried_again(
    fake_dashscope: FakeDashScope,
    model_client: ModelClient,
    rows: MemoryAttempts,
    kind: FaultKind,
    reason: str,
) -> None:
    fake_dashscope.script(Fault(kind))

    with pytest.raises(SphereError) as raised:
        await model_client.complete_json(call("qwen-flash"), SCHEMA)

    assert raised.value.reason == reason
    assert [row.state for row in rows.ended] == ["failed"]


@pytest.mark.parametrize("kind", [FaultKind.JSON_LABELLED_SSE, FaultKind.SSE_LABELLED_JSON, FaultKind.USAGE_MISSING])
async def test_the_label_of_a_whole_answer_does_not_matter(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts, kind: FaultKind
) -> None:
    fake_dashscope.script(Fault(kind))

    assert await model_client.complete_json(call("qwen-flash"), SCHEMA) == {"verdict": "met", "count": 2}
    assert rows.ended[0].usage.estimated is (kind is FaultKind.USAGE_MISSING)


async def test_an_error_inside_a_200_document_is_that_error(
    fake_dashscope: FakeDashScope, model_client: ModelClient, rows: MemoryAttempts
) -> None:
    fake_dashscope.script(*[Fault(FaultKind.ERROR_IN_BODY, error="insufficient_quota")] * 2)

    with pytest.raises(SphereError) as raised:
        await model_client.complete_json(call("qwen-flash"), SCHEMA)

    assert raised.value.reason == "model_quota_exhausted"
    assert len(rows.ended) == 2
