"""The pipeline `generate`: understand, write, check; a model may try once more, nothing is silently repaired."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

from servicekit.db import Database
from servicekit.json_types import JsonObject
from servicekit.workers.pool import WorkerPool

from generation_service.dashscope.client import ModelClient
from generation_service.execution.context import Rejected, RunContext
from generation_service.requirements.form import check_answers
from generation_service.requirements.pipeline import ParseInput, understand
from generation_service.requirements.rules import REFUSAL, RequirementSet
from generation_service.text.language import Language
from generation_service.text.thoughts import Reset
from generation_service.writing import gates
from generation_service.writing.assembly import finish
from generation_service.writing.model_writer.writer import rewrite_with_violations, write_with_model
from generation_service.writing.rule_writer.composer import compose
from generation_service.writing.values import GateViolation, Layout, WriteRequest, WrittenPrompt

UNKEEPABLE = frozenset("\x00\ufffd")
"""What a model's text must not bring into a prompt: NUL, which no version may hold, and the mark of a lost half."""

_REMOVAL = {ord(char): None for char in UNKEEPABLE}


@dataclass(frozen=True, slots=True)
class GenerateInput:
    """What to write: from a description that is still to be understood, or from one that is already.

    `language` is that of the prompt; None takes the parse's.
    """

    source: ParseInput | RequirementSet
    answers: JsonObject
    layout: Layout
    language: Language | None
    max_tokens: int


async def generate_run(
    run: RunContext, write_input: GenerateInput, *, database: Database, pool: WorkerPool, client: ModelClient | None
) -> JsonObject:
    """Write a prompt.

    Raises:
        Rejected: `input_refused`, or `gates_failed` with what is wrong with the prompt.
        SphereError: the model failed, or an answer does not fit the form.
    """
    source = write_input.source
    if isinstance(source, ParseInput):
        source = await understand(run, source, database=database, pool=pool, client=client)
    if source.is_refused:
        raise Rejected("input_refused", REFUSAL, [{"input_class": source.parsed.input_class.value}])
    request = WriteRequest(
        parsed=source.parsed,
        answers=check_answers(source.form, write_input.answers),
        layout=write_input.layout,
        language=write_input.language or source.parsed.language,
        max_tokens=write_input.max_tokens,
    )
    content, removed = await _write(run, request, pool, client)
    written = await pool.run(partial(finish, request, content), tenant=run.workspace_id, is_refusable=False)
    return _result(request, content, source, written, removed)


async def _write(
    run: RunContext, request: WriteRequest, pool: WorkerPool, client: ModelClient | None
) -> tuple[str, Counter[str]]:
    await run.stage("write")
    if client is None:
        content, removed = await _relay(run, _composed(run, request, pool))
    else:
        content, removed = await _relay(run, write_with_model(client, request))
    violations = await _check(run, request, content, pool)
    if violations and client is not None:
        await run.stage("write", reset=True)
        content, removed = await _relay(run, rewrite_with_violations(client, request, content, violations))
        violations = await _check(run, request, content, pool)
    if violations:
        raise Rejected(
            "gates_failed",
            "The prompt that was written breaks rules that every prompt must keep; change the request.",
            [cast("JsonObject", asdict(violation)) for violation in violations],
        )
    return content, removed


async def _relay(run: RunContext, texts: AsyncGenerator[str | Reset]) -> tuple[str, Counter[str]]:
    """Send the text on, without the characters that no stored text may hold; how many of which were left out."""
    pieces: list[str] = []
    removed: Counter[str] = Counter()
    async with aclosing(texts):
        async for text in texts:
            if isinstance(text, Reset):
                pieces.clear()
                removed.clear()
                await run.stage("write", reset=True)
                continue
            removed.update(char for char in text if char in UNKEEPABLE)
            kept = text.translate(_REMOVAL)
            pieces.append(kept)
            await run.delta(kept)
    return "".join(pieces), removed


async def _composed(run: RunContext, request: WriteRequest, pool: WorkerPool) -> AsyncGenerator[str | Reset]:
    """The prompt that rules write, line by line."""
    content = await pool.run(partial(compose, request), tenant=run.workspace_id, is_refusable=False)
    for line in content.splitlines(keepends=True):
        yield line


async def _check(run: RunContext, request: WriteRequest, content: str, pool: WorkerPool) -> Sequence[GateViolation]:
    await run.stage("check")
    work = partial(gates.check, request, content)
    return await pool.run(work, tenant=run.workspace_id, is_refusable=False)


def _result(
    request: WriteRequest, content: str, source: RequirementSet, written: WrittenPrompt, removed: Counter[str]
) -> JsonObject:
    result = {
        "content": content,
        "variables": [asdict(one) for one in written.variables],
        "trace": [asdict(one) for one in written.trace],
        "assumptions": list(written.assumptions),
        "removed_characters": [
            {"character": f"U+{ord(char):04X}", "count": count} for char, count in sorted(removed.items())
        ],
        "violations": [asdict(one) for one in written.violations],
        "requirement_id": source.id,
        "parse_engine": source.engine,
        "language": request.language,
        "layout": request.layout,
    }
    return cast("JsonObject", result)
