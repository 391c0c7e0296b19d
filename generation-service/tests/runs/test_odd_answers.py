"""Oddities of providers through whole runs: what is streamed is what is stored, and a result can always be kept."""

from typing import Any

import orjson
import pytest
from promptsphere.generation.v1 import requirements_pb2, runs_pb2
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.answers.recorded import Recorded
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.oddities import ODDITIES
from vendor_fakes.dashscope.oddities.frames import stream

DESCRIPTION = "做一个客服助手，面向电商买家，回答退货问题，必须用中文，每次不超过200字，不要编造政策。"
BY_NAME = {oddity.name: oddity for oddity in ODDITIES}


@pytest.fixture
async def models(start_service: Any, fake_dashscope: FakeDashScope) -> Any:
    """An instance whose default engine is the fake DashScope."""
    return await start_service(dashscope_api_key="sk-test-key", dashscope_base_url=fake_dashscope.base_url)


async def generated(instance: Any) -> list[runs_pb2.StreamRunResponse]:
    request = runs_pb2.CreateRunRequest(generate=runs_pb2.GenerateInput(description=DESCRIPTION))
    created = await instance.runs.CreateRun(request, metadata=instance.me())
    return list(await instance.events(created.run.id))


def content_of(events: list[runs_pb2.StreamRunResponse]) -> str:
    """The deltas since the last reset."""
    text = ""
    for event in events:
        data = orjson.loads(event.data_json or "{}")
        text = "" if event.event == "stage" and data.get("reset") else text + data.get("text", "")
    return text


async def plain_prompt(instance: Any) -> str:
    """What the fake writes by itself."""
    return str(orjson.loads((await generated(instance))[-1].run.result_json)["content"])


@pytest.mark.parametrize(
    ("wrapped", "resets"),
    [
        ("<think>\n用户要一个提示词。\n</think>\n\n{}", 0),
        ("用户要一个提示词。\n\n我来写。\n</think>\n\n{}", 1),
        (
            "<think>\n\n</think>\n\n以下是为您编写的提示词：\n\n```markdown\n{}\n```\n\n希望对您有帮助！如需修改请告诉我。",
            0,
        ),
        ("Here is the prompt:\n\n{}\n\n---\n\nLet me know if you'd like any changes!", 0),
    ],
)
async def test_what_is_wrapped_around_a_prompt_is_neither_streamed_nor_stored(
    models: Any, fake_dashscope: FakeDashScope, wrapped: str, resets: int
) -> None:
    prompt = await plain_prompt(models)
    fake_dashscope.script(Fault(FaultKind.NONE), Fault(FaultKind.ANSWER, content=wrapped.replace("{}", prompt)))

    events = await generated(models)

    result = orjson.loads(events[-1].run.result_json)
    assert content_of(events) == result["content"] == prompt
    assert result["removed_characters"] == []
    assert sum(1 for event in events if "reset" in event.data_json) == resets


async def test_characters_that_no_version_may_hold_are_left_out_and_listed(
    models: Any, fake_dashscope: FakeDashScope
) -> None:
    prompt = await plain_prompt(models)
    raw = stream(f"{prompt[:9]}\x00{prompt[9:]}\x00", between=b'data: {"choices":[{"delta":{"content":""}}]}\n\n')
    lone = raw.replace(b'"content":""}}', b'"content":"\\ud83d"}}', 1)
    fake_dashscope.script(Fault(FaultKind.NONE), Fault(FaultKind.RAW, raw=lone))

    events = await generated(models)

    result = orjson.loads(events[-1].run.result_json)
    assert content_of(events) == result["content"] == prompt
    assert result["removed_characters"] == [
        {"character": "U+0000", "count": 2},
        {"character": "U+FFFD", "count": 1},
    ]


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("usage")])
async def test_no_usage_keeps_a_run_from_its_end(models: Any, fake_dashscope: FakeDashScope, name: str) -> None:
    prompt = await plain_prompt(models)
    fake_dashscope.script(Fault(FaultKind.NONE), Fault(FaultKind.RAW, raw=BY_NAME[name].body(prompt)))

    run = (await generated(models))[-1].run

    assert run.state == runs_pb2.RUN_STATE_SUCCEEDED
    assert orjson.loads(run.result_json)["content"] == prompt
    assert run.usage.estimated is (BY_NAME[name].usage is None)


@pytest.mark.parametrize(
    "name",
    [
        *("finish_reason 'abort' after half", "finish_reason 'tool_calls' after half", "error as a string"),
        *("error with a lone surrogate and NUL", "an odd request id", "halves of surrogate pairs in two frames"),
    ],
)
async def test_a_run_ends_as_its_oddity_does(models: Any, fake_dashscope: FakeDashScope, name: str) -> None:
    prompt, oddity = await plain_prompt(models), BY_NAME[name]
    fault = Fault(FaultKind.RAW, raw=oddity.body(prompt), headers=oddity.headers)
    fake_dashscope.script(Fault(FaultKind.NONE), fault)

    run = (await generated(models))[-1].run

    if oddity.end == "stop":
        assert orjson.loads(run.result_json)["content"] == prompt
    else:
        assert (run.state, run.error.reason) == (runs_pb2.RUN_STATE_FAILED, oddity.end)


async def test_a_parse_is_read_out_of_what_is_wrapped_around_it(models: Any, fake_dashscope: FakeDashScope) -> None:
    answer = {
        "input_class": "ok",
        "agent_type": "customer_service",
        "requirements": [{"kind": "goal", "text": "回答退货问题", "source_quote": "回答退货问题", "priority": "must"}],
        "unknowns": [],
    }
    body = orjson.dumps(answer).decode()
    parse = f"<think>\n{{嗯}}\n</think>\n好的，以下是结果：\n```json\n{body}\n```\n希望对您有帮助。"
    fake_dashscope.recordings.remember(Recorded(DESCRIPTION, parse=parse))

    response = await models.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=models.me()
    )

    assert (response.requirement.engine, len(fake_dashscope.requests)) == ("dashscope", 1)
    assert [one.text for one in response.requirement.requirements] == ["回答退货问题"]
