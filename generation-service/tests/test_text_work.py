"""Texts of every kind go through the pool: small ones in the process, the rest in workers that can be ended."""

import asyncio
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from generation_service.lint.rules import RULES, lint
from generation_service.peqa.rubric import CHECKS
from generation_service.peqa.rules import assess
from generation_service.requirements.form import build_form
from generation_service.requirements.rule_parser.parser import parse
from generation_service.writing import gates
from generation_service.writing.assembly import finish
from generation_service.writing.rule_writer.composer import compose
from generation_service.writing.values import WriteRequest
from promptsphere.generation.v1 import lint_pb2, requirements_pb2, runs_pb2
from servicekit.errors import SphereError
from servicekit.normal_form import nfc
from servicekit.rpc.status import error_from_rpc
from servicekit.testing import jobs
from servicekit.workers import steps
from servicekit.workers.pool import PoolLimits, open_pool

GOOD = "\n\n".join(path.read_text() for path in sorted((Path(__file__).parent / "lint" / "good").glob("*.md")))
LARGE = GOOD * (100_000 // len(GOOD) + 1)
DESCRIPTION = "客服智能体，需要专业、耐心、能解决常见问题，输出 JSON。"
NO_TIME = {"text_worker_from_bytes": 0, "text_limit_seconds": 0.005}
"""Less than a new worker takes to load any of the rules."""


async def refusal_of(call: Any) -> SphereError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return error_from_rpc(failure.value)


async def test_small_texts_start_no_worker(instance: Any) -> None:
    request = lint_pb2.LintContentRequest(content=GOOD[:2000])
    await instance.lint.LintContent(request, metadata=instance.me())
    described = requirements_pb2.CreateRequirementRequest(description=DESCRIPTION)
    await instance.requirements.CreateRequirement(described, metadata=instance.me())

    assert instance.application.pool.pids == ()


async def test_a_large_text_is_linted_in_a_worker_with_the_same_findings(instance: Any) -> None:
    request = lint_pb2.LintContentRequest(content=LARGE)
    answer = await instance.lint.LintContent(request, metadata=instance.me())

    assert len(instance.application.pool.pids) == 1
    assert [(one.rule, one.start, one.end) for one in answer.findings] == [
        (one.rule, one.start, one.end) for one in lint(LARGE)
    ]


async def test_lint_that_takes_too_long_is_a_refusal_that_names_the_step(start_service: Any) -> None:
    instance = await start_service(**NO_TIME)

    refusal = await refusal_of(
        instance.lint.LintContent(lint_pb2.LintContentRequest(content="x"), metadata=instance.me())
    )

    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "text_too_complex")
    assert refusal.metadata["step"]


async def test_a_description_that_takes_too_long_is_a_refusal_that_names_the_step(start_service: Any) -> None:
    instance = await start_service(**NO_TIME)

    request = requirements_pb2.CreateRequirementRequest(description=DESCRIPTION)
    refusal = await refusal_of(instance.requirements.CreateRequirement(request, metadata=instance.me()))

    assert refusal.reason == "text_too_complex"
    assert refusal.metadata["step"]


@pytest.mark.parametrize("kind", ["assess", "generate"])
async def test_a_run_whose_text_takes_too_long_fails_with_that_reason(start_service: Any, kind: str) -> None:
    instance = await start_service(**NO_TIME)
    if kind == "assess":
        request = runs_pb2.CreateRunRequest(assess=runs_pb2.AssessInput(content=GOOD))
    else:
        request = runs_pb2.CreateRunRequest(generate=runs_pb2.GenerateInput(description=DESCRIPTION))

    created = await instance.runs.CreateRun(request, metadata=instance.me())
    run = await instance.finished(created.run.id)

    assert run.state == runs_pb2.RUN_STATE_FAILED
    assert run.error.reason == "text_too_complex"


async def test_all_work_on_texts_travels_to_a_worker_and_back_whole() -> None:
    parsed = parse(DESCRIPTION)
    request = WriteRequest(parsed=parsed, answers={}, layout="markdown", language="zh", max_tokens=4000)
    content = compose(request)
    works: tuple[partial[Any], ...] = (
        partial(parse, DESCRIPTION, "auto"),
        partial(build_form, parsed, fallback=True),
        partial(compose, request),
        partial(gates.check, request, content),
        partial(finish, request, content),
        partial(lint, content, None),
        partial(assess, content, requirements=parsed.requirements),
        partial(nfc, content),
    )
    async with open_pool(PoolLimits(workers=1, from_bytes=0, limit_seconds=60.0)) as pool:
        results = [await pool.run(work, tenant="a") for work in works]
        heavy = ("grpc", "google", "sqlalchemy", "aiohttp", "redis", "pydantic", "structlog", "servicekit.db")
        loaded = await pool.run(partial(jobs.modules_loaded, heavy), tenant="a")

    assert results == [work() for work in works]
    assert loaded == []


@pytest.mark.parametrize(
    ("work", "names"),
    [
        (partial(lint, GOOD), [rule.name.value for rule in RULES]),
        (partial(assess, GOOD), [check.id for check in CHECKS]),
    ],
    ids=["lint", "assess"],
)
def test_each_rule_says_that_it_begins(work: "partial[object]", names: list[str]) -> None:
    entered: list[str] = []

    def watched() -> None:
        steps.report_to(entered.append)
        work()

    copy_context().run(watched)

    assert [name for name in entered if name in names] == names


async def test_what_waits_for_a_worker_ends_with_its_caller(start_service: Any) -> None:
    instance = await start_service(text_worker_from_bytes=0, text_workers=1, text_limit_seconds=60.0)
    pool = instance.application.pool
    stuck = asyncio.create_task(pool.run(partial(jobs.stuck_in, "x"), tenant="somebody"))
    call = instance.lint.LintContent(lint_pb2.LintContentRequest(content=GOOD), metadata=instance.me(), timeout=0.3)

    with pytest.raises(grpc.aio.AioRpcError):
        await call
    stuck.cancel()
    await asyncio.wait({stuck})
    answer = await instance.lint.LintContent(
        lint_pb2.LintContentRequest(content=GOOD), metadata=instance.me(), timeout=30
    )

    assert answer is not None
    assert len(pool.pids) == 1
