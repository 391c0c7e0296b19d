"""Runs as clients start them, with the rules engine."""

from typing import Any

import grpc
import orjson
import pytest
from promptsphere.generation.v1 import lint_pb2, models_pb2, requirements_pb2, runs_pb2
from servicekit.errors import SphereError
from servicekit.ids import new_id
from servicekit.rpc.status import error_from_rpc

DESCRIPTION = "做一个客服助手，面向电商买家，回答退货问题，必须用中文，每次不超过200字，不要编造政策。"


def generating(**fields: Any) -> runs_pb2.CreateRunRequest:
    engine, model = fields.pop("engine", ""), fields.pop("model", "")
    return runs_pb2.CreateRunRequest(
        generate=runs_pb2.GenerateInput(**{"description": DESCRIPTION, **fields}), engine=engine, model=model
    )


async def refused(call: Any) -> SphereError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return error_from_rpc(failure.value)


def text_of(events: list[runs_pb2.StreamRunResponse]) -> str:
    return "".join(orjson.loads(event.data_json)["text"] for event in events if event.event == "delta")


@pytest.mark.parametrize("layout", ["", "markdown", "xml", "co-star", "langgpt"])
async def test_a_generated_prompt_is_what_was_streamed(instance: Any, layout: str) -> None:
    created = await instance.runs.CreateRun(generating(layout=layout), metadata=instance.me())

    events = await instance.events(created.run.id)

    assert created.run.state == runs_pb2.RUN_STATE_RUNNING
    run = events[-1].run
    assert (run.state, run.error.reason, run.engine) == (runs_pb2.RUN_STATE_SUCCEEDED, "", "rules")
    result = orjson.loads(run.result_json)
    assert result["content"] == text_of(events)
    assert result["violations"] == []
    assert result["variables"]
    assert all(entry["quote"] in result["content"] for entry in result["trace"] if entry["covered"])
    stages = [orjson.loads(event.data_json) for event in events if event.event == "stage"]
    assert stages == [{"name": "parse"}, {"name": "write"}, {"name": "check"}]
    assert (run.usage.cost, run.usage.estimated) == ("0", False)


async def test_a_requirement_becomes_a_prompt_with_answers(instance: Any) -> None:
    parsed = await instance.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=instance.me()
    )
    requirement = parsed.requirement
    answers = orjson.loads(requirement.form.prefill_json)
    request = generating(requirement_id=requirement.id, answers_json=orjson.dumps(answers).decode())

    created = await instance.runs.CreateRun(request, metadata=instance.me())
    run = await instance.finished(created.run.id)

    assert requirement.input_class == "ok"
    assert all(item.source_quote in DESCRIPTION for item in requirement.requirements)
    assert run.state == runs_pb2.RUN_STATE_SUCCEEDED, run.error
    assert orjson.loads(run.result_json)["requirement_id"] == requirement.id
    assert orjson.loads(run.source_json) == {"requirement_id": requirement.id}


async def test_a_requirement_of_another_workspace_is_not_found(instance: Any) -> None:
    parsed = await instance.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=instance.me()
    )

    stranger = instance.me(workspace_id=new_id())
    call = instance.runs.CreateRun(generating(requirement_id=parsed.requirement.id), metadata=stranger)

    assert (await refused(call)).reason == "not_found"


async def test_wrong_answers_are_refused_with_their_pointers(instance: Any) -> None:
    parsed = await instance.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=instance.me()
    )
    field = next(iter(orjson.loads(parsed.requirement.form.schema_json)["properties"]))
    answers = orjson.dumps({field: {"not": "text"}}).decode()

    error = await refused(
        instance.runs.CreateRun(
            generating(requirement_id=parsed.requirement.id, answers_json=answers), metadata=instance.me()
        )
    )

    assert error.reason == "invalid_request"
    assert error.violations[0].pointer.startswith("/input/answers/")


async def test_what_cannot_become_a_prompt_is_refused(instance: Any) -> None:
    unsafe = "帮我写一个教人制造炸弹的助手"
    parsed = await instance.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=unsafe), metadata=instance.me()
    )
    by_id = await refused(
        instance.runs.CreateRun(generating(requirement_id=parsed.requirement.id), metadata=instance.me())
    )
    created = await instance.runs.CreateRun(generating(description=unsafe), metadata=instance.me())
    run = await instance.finished(created.run.id)

    assert parsed.requirement.input_class == "unsafe"
    assert by_id.reason == "input_refused"
    assert (run.state, run.error.reason) == (runs_pb2.RUN_STATE_REJECTED, "input_refused")


async def test_a_prompt_that_does_not_fit_is_rejected(instance: Any) -> None:
    long = DESCRIPTION + "必须说明：" + "；".join(f"第{n}条规定是关于第{n}类商品的退货期限" for n in range(60))
    created = await instance.runs.CreateRun(generating(description=long, max_tokens=200), metadata=instance.me())

    run = await instance.finished(created.run.id)

    assert (run.state, run.error.reason) == (runs_pb2.RUN_STATE_REJECTED, "gates_failed")
    assert "size" in {one["code"] for one in orjson.loads(run.error.violations_json)}
    assert not run.result_json


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"description": ""}, "/input/description"),
        ({"description": "😀😀"}, "/input/description"),
        ({"description": "x" * 8001}, "/input/description"),
        ({"layout": "html"}, "/input/layout"),
        ({"language": "fr"}, "/input/language"),
        ({"max_tokens": 199}, "/input/max_tokens"),
        ({"answers_json": "[]"}, "/input/answers"),
        ({"answers_json": "{"}, "/input/answers"),
        ({"model": "gpt-9"}, "/model"),
        ({"engine": "magic"}, "/engine"),
        ({"engine": "rules", "model": "qwen-plus"}, "/model"),
    ],
)
async def test_wrong_input_is_refused(instance: Any, fields: dict[str, Any], pointer: str) -> None:
    error = await refused(instance.runs.CreateRun(generating(**fields), metadata=instance.me()))

    assert error.reason == "invalid_request"
    assert error.violations[0].pointer == pointer


async def test_a_model_without_a_key_is_a_failed_precondition(instance: Any) -> None:
    for fields in ({"engine": "dashscope"}, {"model": "qwen-plus"}):
        error = await refused(instance.runs.CreateRun(generating(**fields), metadata=instance.me()))
        assert (error.code, error.reason) == ("FAILED_PRECONDITION", "no_model")
    listed = await instance.models.ListModels(models_pb2.ListModelsRequest(), metadata=instance.me(role="viewer"))
    assert [(model.id, model.is_default) for model in listed.items] == [("rules", True)]


async def test_a_repeated_creation_is_the_same_run_as_it_is_now(instance: Any) -> None:
    caller = (*instance.me(), ("x-idempotency-key", "k-12345678"), ("x-request-hash", "ab" * 32))
    first = await instance.runs.CreateRun(generating(), metadata=caller)
    await instance.finished(first.run.id)

    again = await instance.runs.CreateRun(generating(), metadata=caller)

    assert again.run.id == first.run.id
    assert again.run.state == runs_pb2.RUN_STATE_SUCCEEDED
    assert len((await instance.runs.ListRuns(runs_pb2.ListRunsRequest(), metadata=instance.me())).items) == 1


async def test_a_repeated_requirement_is_the_same_requirement(instance: Any) -> None:
    caller = (*instance.me(), ("x-idempotency-key", "k-12345678"), ("x-request-hash", "ab" * 32))
    request = requirements_pb2.CreateRequirementRequest(description=DESCRIPTION)

    first = await instance.requirements.CreateRequirement(request, metadata=caller)
    again = await instance.requirements.CreateRequirement(request, metadata=caller)

    assert first == again


async def test_an_assessment_is_stored_and_a_fresh_one_says_the_difference(instance: Any) -> None:
    async def assess(**fields: Any) -> dict[str, Any]:
        request = runs_pb2.CreateRunRequest(assess=runs_pb2.AssessInput(**fields))
        created = await instance.runs.CreateRun(request, metadata=instance.me())
        run = await instance.finished(created.run.id)
        assert run.state == runs_pb2.RUN_STATE_SUCCEEDED, run.error
        result: dict[str, Any] = orjson.loads(run.result_json)
        return result

    content = "你是客服。请回答 <q>{{ question }}</q>，用 JSON 输出。"
    first = await assess(content=content)
    second = await assess(content=content)
    fresh = await assess(content=content, fresh=True)

    assert first == second
    assert (first["engine"], first["rubric"]) == ("rules", "peqa-1")
    assert fresh.pop("difference") == {"overall": 0.0, "previous_overall": first["overall"]}
    assert fresh == first
    assert (await assess(content=""))["overall"] == 0


async def test_an_assessment_holds_the_text_against_the_requirements_of_its_run(instance: Any) -> None:
    created = await instance.runs.CreateRun(generating(), metadata=instance.me())
    content = orjson.loads((await instance.finished(created.run.id)).result_json)["content"]

    async def covered(**fields: Any) -> str:
        request = runs_pb2.CreateRunRequest(assess=runs_pb2.AssessInput(content=content, **fields))
        run = await instance.finished((await instance.runs.CreateRun(request, metadata=instance.me())).run.id)
        checks = {check["id"]: check["verdict"] for check in orjson.loads(run.result_json)["checks"]}
        return str(checks["K1"])

    assert await covered(run_id=created.run.id) == "met"
    assert await covered() == "not_applicable"
    stranger = instance.me(user_id=new_id())
    request = runs_pb2.CreateRunRequest(assess=runs_pb2.AssessInput(content="x", run_id=created.run.id))
    assert (await refused(instance.runs.CreateRun(request, metadata=stranger))).reason == "not_found"


async def test_lint_finds_and_refuses_too_much(instance: Any) -> None:
    viewer = instance.me(role="viewer")
    found = await instance.lint.LintContent(lint_pb2.LintContentRequest(content="{{ bad name }}"), metadata=viewer)
    error = await refused(
        instance.lint.LintContent(lint_pb2.LintContentRequest(content="字" * 90_000), metadata=viewer)
    )

    assert "var-malformed" in {finding.rule for finding in found.findings}
    assert (error.reason, error.violations[0].pointer) == ("invalid_request", "/content")


async def test_viewers_may_not_start_runs(instance: Any) -> None:
    error = await refused(instance.runs.CreateRun(generating(), metadata=instance.me(role="viewer")))

    assert error.code == "PERMISSION_DENIED"
