"""Runs by a model: what is streamed, what fails and how, and a ledger that agrees with the vendor's own log."""

from typing import Any

import orjson
import pytest
from generation_service.execution.models import Attempt, LedgerEntry
from promptsphere.generation.v1 import models_pb2, requirements_pb2, runs_pb2
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from vendor_fakes.dashscope import FakeDashScope, Fault
from vendor_fakes.dashscope.faults import FaultKind

DESCRIPTION = "做一个客服助手，面向电商买家，回答退货问题，必须用中文，每次不超过200字，不要编造政策。"
TEST = {"all_workspaces": "a test looks at everything"}


@pytest.fixture
async def models(start_service: Any, fake_dashscope: FakeDashScope) -> Any:
    """An instance whose default engine is the fake DashScope."""
    return await start_service(dashscope_api_key="sk-test-key", dashscope_base_url=fake_dashscope.base_url)


def generating(**fields: Any) -> runs_pb2.CreateRunRequest:
    model = fields.pop("model", "")
    return runs_pb2.CreateRunRequest(
        generate=runs_pb2.GenerateInput(**{"description": DESCRIPTION, **fields}), model=model
    )


def text_of(events: list[runs_pb2.StreamRunResponse]) -> str:
    pieces: list[str] = []
    for event in events:
        data = orjson.loads(event.data_json or "{}")
        if event.event == "stage" and data.get("reset"):
            pieces.clear()
        pieces.append(data.get("text", ""))
    return "".join(pieces)


async def rows(instance: Any, table: Any) -> list[Any]:
    async def unit(session: AsyncSession) -> list[Any]:
        return list(await session.scalars(select(table).execution_options(**TEST)))

    return list(await instance.database.read(unit))


async def generated(instance: Any, **fields: Any) -> list[runs_pb2.StreamRunResponse]:
    created = await instance.runs.CreateRun(generating(**fields), metadata=instance.me())
    return list(await instance.events(created.run.id))


async def test_a_model_writes_what_it_streams_and_the_ledger_is_the_vendors_log(
    models: Any, fake_dashscope: FakeDashScope
) -> None:
    events = await generated(models)

    run = events[-1].run
    assert (run.state, run.error.message, run.engine, run.model) == (
        runs_pb2.RUN_STATE_SUCCEEDED,
        "",
        "dashscope",
        "qwen-plus",
    )
    assert orjson.loads(run.result_json)["content"] == text_of(events)
    ledger = await rows(models, LedgerEntry)
    sent = fake_dashscope.requests
    assert sorted((entry.model, entry.input_tokens, entry.output_tokens) for entry in ledger) == sorted(
        (record.model, record.prompt_tokens, record.completion_tokens) for record in sent
    )
    assert (run.usage.input_tokens, run.usage.output_tokens) == fake_dashscope.journal.billed_tokens
    assert run.usage.cost not in {"", "0"}
    assert not run.usage.estimated


async def test_another_model_may_be_named(models: Any, fake_dashscope: FakeDashScope) -> None:
    events = await generated(models, model="qwen3-max")

    assert events[-1].run.model == "qwen3-max"
    assert [record.model for record in fake_dashscope.requests] == ["qwen-flash", "qwen3-max"]
    listed = await models.models.ListModels(models_pb2.ListModelsRequest(), metadata=models.me())
    assert (listed.items[0].id, listed.items[0].is_default) == ("qwen-plus", True)
    assert "rules" in {model.id for model in listed.items}


async def test_a_prompt_that_breaks_the_gates_is_asked_for_once_more(
    models: Any, fake_dashscope: FakeDashScope
) -> None:
    bad = Fault(FaultKind.ANSWER, content="This is not a prompt in Chinese at all, and it has no variable.")
    fake_dashscope.script(Fault(FaultKind.NONE), bad)

    events = await generated(models)

    stages = [orjson.loads(event.data_json) for event in events if event.event == "stage"]
    assert stages == [
        {"name": "parse"},
        {"name": "write"},
        {"name": "check"},
        {"name": "write", "reset": True},
        {"name": "check"},
    ]
    assert events[-1].run.state == runs_pb2.RUN_STATE_SUCCEEDED, events[-1].run.error
    assert orjson.loads(events[-1].run.result_json)["content"] == text_of(events)
    assert len(fake_dashscope.requests) == 3


async def test_a_prompt_that_breaks_the_gates_twice_is_rejected_with_the_violations(
    models: Any, fake_dashscope: FakeDashScope
) -> None:
    bad = Fault(FaultKind.ANSWER, content="This is not a prompt in Chinese at all, and it has no variable.")
    fake_dashscope.script(Fault(FaultKind.NONE), bad, bad)

    run = (await generated(models))[-1].run

    assert (run.state, run.error.reason) == (runs_pb2.RUN_STATE_REJECTED, "gates_failed")
    assert {"language", "contract"} <= {one["code"] for one in orjson.loads(run.error.violations_json)}
    assert len(await rows(models, LedgerEntry)) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(FaultKind.CUT, after_chunks=2), "model_stream_cut"),
        (Fault(FaultKind.NO_FINISH_REASON), "model_stream_cut"),
        (Fault(FaultKind.ERROR, error="invalid_api_key"), "model_auth_failed"),
    ],
)
async def test_a_failed_model_fails_the_run_and_each_attempt_has_its_row(
    models: Any, fake_dashscope: FakeDashScope, fault: Fault, reason: str
) -> None:
    fake_dashscope.script(Fault(FaultKind.NONE), fault)

    events = await generated(models)

    assert events[-1].event == "error"
    assert (events[-1].run.state, events[-1].run.error.reason) == (runs_pb2.RUN_STATE_FAILED, reason)
    attempts = await rows(models, Attempt)
    assert len(attempts) == len(await rows(models, LedgerEntry)) == len(fake_dashscope.requests) == 2
    assert {attempt.state for attempt in attempts} == {"succeeded", "failed"}


async def test_cancel_stops_the_vendor_and_charges_what_was_used(
    models: Any, until: Any, fake_dashscope: FakeDashScope
) -> None:
    fake_dashscope.script(Fault(FaultKind.NONE), Fault(FaultKind.HANG_MID_STREAM, after_chunks=3))
    created = await models.runs.CreateRun(generating(), metadata=models.me())
    call = models.runs.StreamRun(runs_pb2.StreamRunRequest(id=created.run.id), metadata=models.me())
    while (await call.read()).event != "delta":
        pass

    await models.runs.CancelRun(runs_pb2.CancelRunRequest(id=created.run.id), metadata=models.me())
    run = await models.finished(created.run.id)

    assert run.state == runs_pb2.RUN_STATE_CANCELLED
    assert run.usage.estimated
    await until(lambda: fake_dashscope.requests[-1].has_client_left)
    assert {attempt.state for attempt in await rows(models, Attempt)} == {"succeeded", "cancelled"}
    assert len(await rows(models, LedgerEntry)) == 2


async def test_a_requirement_is_parsed_by_the_model(models: Any) -> None:
    response = await models.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=models.me()
    )

    requirement = response.requirement
    assert (requirement.engine, requirement.input_class, requirement.form.fallback) == ("dashscope", "ok", False)
    assert requirement.usage.input_tokens > 0


async def test_a_requirement_is_parsed_by_rules_when_the_model_fails(
    models: Any, fake_dashscope: FakeDashScope
) -> None:
    fake_dashscope.script(Fault(FaultKind.ERROR, error="invalid_api_key"))

    response = await models.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=DESCRIPTION), metadata=models.me()
    )

    assert (response.requirement.engine, response.requirement.form.fallback) == ("rules", True)
    run = await models.runs.GetRun(runs_pb2.GetRunRequest(id=response.requirement.id), metadata=models.me())
    assert (run.run.kind, run.run.state) == (runs_pb2.RUN_KIND_PARSE, runs_pb2.RUN_STATE_SUCCEEDED)
