"""The pipeline `assess`: the stored result of the same text, or a new one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import orjson
from servicekit.db import Database
from servicekit.db.schema import now
from servicekit.json_types import JsonObject
from servicekit.log import get_logger
from servicekit.normal_form import nfc
from servicekit.workers.pool import WorkerPool
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.execution.context import RunContext
from generation_service.peqa.models import StoredAssessment
from generation_service.peqa.rules import ENGINE, RUBRIC, assess
from generation_service.requirements.rules import requirement_as_json
from generation_service.requirements.values import Requirement

_log = get_logger()


@dataclass(frozen=True, slots=True)
class AssessInput:
    """A text to assess, held against these requirements when there are any; `is_fresh` computes again."""

    content: str
    requirements: tuple[Requirement, ...]
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class _Key:
    workspace_id: str
    content_digest: bytes
    basis_digest: bytes


async def assess_run(run: RunContext, assess_input: AssessInput, *, database: Database, pool: WorkerPool) -> JsonObject:
    """Assess a text, or give the stored result of the same text, rubric and requirements.

    A fresh result replaces the stored one and says by how much it differs, as `difference`.
    """
    await run.stage("assess")
    normal = await pool.run(partial(nfc, assess_input.content), tenant=run.workspace_id, is_refusable=False)
    key = _key(run.workspace_id, normal, assess_input.requirements)

    async def stored(session: AsyncSession) -> JsonObject | None:
        row = await _row(session, key, is_locked=False)
        return row.result if row is not None else None

    earlier = await database.read(stored)
    if earlier is not None and not assess_input.is_fresh:
        return earlier
    work = partial(assess, assess_input.content, requirements=assess_input.requirements)
    assessment = await pool.run(work, tenant=run.workspace_id, is_refusable=False)
    # Through JSON, so that a new result is exactly what a stored one will be.
    result = cast("JsonObject", orjson.loads(orjson.dumps(assessment.to_json())))
    try:
        await database.write(lambda session: _keep(session, key, result))
    except IntegrityError:
        # Another run of the same text was first; what it stored is this result.
        _log.info("assessment_stored_by_another_run", run=run.run_id)
    return result if earlier is None else {**result, "difference": _difference(earlier, result)}


async def _keep(session: AsyncSession, key: _Key, result: JsonObject) -> None:
    row = await _row(session, key, is_locked=True)
    if row is None:
        row = StoredAssessment(
            workspace_id=key.workspace_id,
            content_digest=key.content_digest,
            basis_digest=key.basis_digest,
            rubric=RUBRIC,
            engine=ENGINE,
        )
        session.add(row)
    row.result = result
    row.created_at = now()


async def _row(session: AsyncSession, key: _Key, *, is_locked: bool) -> StoredAssessment | None:
    statement = select(StoredAssessment).where(
        StoredAssessment.workspace_id == key.workspace_id,
        StoredAssessment.content_digest == key.content_digest,
        StoredAssessment.basis_digest == key.basis_digest,
        StoredAssessment.rubric == RUBRIC,
        StoredAssessment.engine == ENGINE,
    )
    return await session.scalar(statement.with_for_update() if is_locked else statement)


def _key(workspace_id: str, normal_content: str, requirements: Sequence[Requirement]) -> _Key:
    content = normal_content.encode()
    basis = b""
    if requirements:
        listed = [requirement_as_json(one) for one in requirements]
        basis = orjson.dumps(listed, option=orjson.OPT_SORT_KEYS)
    return _Key(workspace_id, hashlib.sha256(content).digest(), hashlib.sha256(basis).digest())


def _difference(earlier: JsonObject, result: JsonObject) -> JsonObject:
    before, after = cast("float", earlier["overall"]), cast("float", result["overall"])
    return {"overall": after - before, "previous_overall": before}
