"""The pipeline `parse`: understand a description, by a model when there is one, by rules when it fails."""

import asyncio
from dataclasses import dataclass
from functools import partial

from servicekit.db import Database
from servicekit.errors import SphereError
from servicekit.json_types import JsonObject
from servicekit.log import get_logger
from servicekit.workers.pool import WorkerPool
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.dashscope.client import ModelClient
from generation_service.execution.attempts import LeaseLostError
from generation_service.execution.context import RunContext
from generation_service.requirements import rules
from generation_service.requirements.budget import MODEL_SECONDS
from generation_service.requirements.form import build_form
from generation_service.requirements.model_parser import parse_with_model
from generation_service.requirements.rule_parser.parser import parse
from generation_service.requirements.rules import RequirementSet
from generation_service.requirements.values import ParsedDescription, WantedLanguage

_log = get_logger()


@dataclass(frozen=True, slots=True)
class ParseInput:
    """A description that passed `check_description`, and the language to work in."""

    description: str
    language: WantedLanguage = "auto"


async def parse_run(
    run: RunContext, parse_input: ParseInput, *, database: Database, pool: WorkerPool, client: ModelClient | None
) -> JsonObject:
    """Understand a description and keep what was understood under the run's id."""
    understood = await understand(run, parse_input, database=database, pool=pool, client=client)
    return {"requirement_id": understood.id, "input_class": understood.parsed.input_class.value}


async def understand(
    run: RunContext, parse_input: ParseInput, *, database: Database, pool: WorkerPool, client: ModelClient | None
) -> RequirementSet:
    """The stage `parse` of any run: the parse and its form, kept under the run's id.

    A model that fails is replaced by the rules, which `engine` and the form's `fallback` say.
    """
    await run.stage("parse")
    parsed = None
    if client is not None:
        parsed = await _by_model(run, client, parse_input)
    if parsed is not None:
        form = await pool.run(partial(build_form, parsed), tenant=run.workspace_id, is_refusable=False)
        understood = rules.new_requirement_set(run.run_id, parsed, form, "dashscope")
    else:
        is_fallback = client is not None
        understood = await by_rules(
            run.run_id, parse_input, fallback=is_fallback, pool=pool, workspace_id=run.workspace_id
        )
    await keep(database, understood, workspace_id=run.workspace_id)
    return understood


async def by_rules(
    run_id: str, parse_input: ParseInput, *, fallback: bool, pool: WorkerPool, workspace_id: str
) -> RequirementSet:
    """The deterministic parse; `fallback` when it stands in for a model that failed.

    Raises:
        InvalidArgument: `text_too_complex`.
    """
    work = partial(parse, parse_input.description, parse_input.language)
    parsed = await pool.run(work, tenant=workspace_id, is_refusable=False)
    form_work = partial(build_form, parsed, fallback=fallback)
    form = await pool.run(form_work, tenant=workspace_id, is_refusable=False)
    return rules.new_requirement_set(run_id, parsed, form, "rules")


async def keep(database: Database, understood: RequirementSet, *, workspace_id: str) -> None:
    """Store it in a transaction of its own."""

    async def unit(session: AsyncSession) -> None:
        await rules.save(session, understood, workspace_id=workspace_id)

    await database.write(unit)


async def _by_model(run: RunContext, client: ModelClient, parse_input: ParseInput) -> ParsedDescription | None:
    limit = asyncio.timeout(MODEL_SECONDS)
    try:
        async with limit:
            return await parse_with_model(client, parse_input.description, parse_input.language)
    except LeaseLostError:
        raise
    except SphereError as error:
        _log.warning("model_parse_failed", run=run.run_id, reason=error.reason)
    except TimeoutError:
        if not limit.expired():
            raise
        _log.warning("model_parse_failed", run=run.run_id, reason="model_timeout")
    return None
