"""From what a caller asks for to a job: engines, sources and pipelines joined."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, cast

from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.errors import FailedPrecondition, InvalidArgument
from servicekit.ids import new_id
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.catalog.rules import DASHSCOPE, RULES, Catalog, Choice
from generation_service.dashscope.client import ModelClient
from generation_service.peqa.pipeline import AssessOrder, assess_run
from generation_service.requirements import rules as requirement_rules
from generation_service.requirements.description import check_description
from generation_service.requirements.domain import JsonObject, Requirement
from generation_service.requirements.form import check_answers
from generation_service.requirements.pipeline import ParseOrder, WantedLanguage, parse_run
from generation_service.requirements.rules import Understood
from generation_service.runs import inputs, rules
from generation_service.runs.context import Job, RunContext
from generation_service.runs.domain import RunKind
from generation_service.runs.rules import NewRun
from generation_service.writing.pipeline import GenerateOrder, generate_run

ClientFor: TypeAlias = Callable[[RunContext, str], ModelClient]
"""A model client for a run that writes with this model."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A run as asked for: the row to be and the work to do."""

    new: NewRun
    job: Job


@dataclass(frozen=True, slots=True)
class GenerateAsked:
    """Input of a `generate` run as it came; exactly one of `description` and `requirement_id` is set."""

    description: str | None
    requirement_id: str | None
    answers_json: str
    layout: str
    language: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class AssessAsked:
    """Input of an `assess` run as it came, its length checked; what is not given is empty or 0."""

    content: str
    prompt_id: str
    version: int
    is_fresh: bool
    run_id: str


class Orders:
    """Makes jobs. Every check that can be made before a run exists is made here."""

    def __init__(self, database: Database, catalog: Catalog, client_for: ClientFor | None) -> None:
        self._database = database
        self._catalog = catalog
        self._client_for = client_for

    def parse(self, description: str, language: str) -> tuple[Wish, ParseOrder]:
        """A `parse` run by the default engine.

        Raises:
            InvalidArgument: the description or the language is wrong.
        """
        order = ParseOrder(check_description(description), inputs.checked_language(language, pointer="/language"))
        choice = self._catalog.choose(engine="", model="")
        if choice.engine == DASHSCOPE:
            choice = replace(choice, model=self._catalog.defaults.parse)

        async def job(run: RunContext) -> JsonObject:
            return await parse_run(run, order, database=self._database, client=self._client(run, choice))

        return Wish(_new(RunKind.PARSE, choice, {}), job), order

    async def generate(self, actor: Actor, asked: GenerateAsked, *, engine: str, model: str) -> Wish:
        """A `generate` run.

        Raises:
            InvalidArgument: anything in the input is wrong; `input_refused` for a refused requirement.
            NotFound: there is no such requirement in this workspace.
            FailedPrecondition: `no_model`.
        """
        choice = self._catalog.choose(engine=engine, model=model)
        language = inputs.checked_language(asked.language, pointer="/input/language")
        answers = inputs.parsed_answers(asked.answers_json)
        source: ParseOrder | Understood
        if asked.requirement_id is not None:
            source = await self._understood(actor, asked.requirement_id)
            check_answers(source.form, answers)
        elif asked.description is not None:
            source = _described(asked.description, language)
        else:
            raise inputs.wrong("/input/description", "is required, or requirement_id instead")
        order = GenerateOrder(
            source=source,
            answers=answers,
            layout=inputs.checked_layout(asked.layout),
            language=None if language == "auto" else language,
            max_tokens=inputs.checked_max_tokens(asked.max_tokens),
        )

        async def job(run: RunContext) -> JsonObject:
            return await generate_run(run, order, database=self._database, client=self._client(run, choice))

        origin: JsonObject = {"requirement_id": asked.requirement_id} if asked.requirement_id else {}
        return Wish(_new(RunKind.GENERATE, choice, origin), job)

    async def assess(self, actor: Actor, asked: AssessAsked, *, engine: str, model: str) -> Wish:
        """An `assess` run, by rules; judging by a model is not offered.

        Raises:
            InvalidArgument: an unknown engine or model.
            FailedPrecondition: `no_model`, a model was asked for.
            NotFound: there is no such run that the actor may see.
        """
        if engine or model:
            choice = self._catalog.choose(engine=engine, model=model)
            if choice.engine != RULES:
                raise FailedPrecondition(
                    "Prompts are assessed by the engine rules here; leave engine and model out.",
                    reason="no_model",
                )
        requirements = await self._requirements_of(actor, asked.run_id) if asked.run_id else ()
        order = AssessOrder(content=asked.content, requirements=requirements, is_fresh=asked.is_fresh)
        origin: JsonObject = {}
        if asked.prompt_id:
            origin = {"prompt_id": asked.prompt_id, "version": asked.version}
        if asked.run_id:
            origin["run_id"] = asked.run_id
        job = partial(assess_run, order=order, database=self._database)
        return Wish(_new(RunKind.ASSESS, Choice(RULES, ""), origin), job)

    def _client(self, run: RunContext, choice: Choice) -> ModelClient | None:
        if choice.engine == RULES or self._client_for is None:
            return None
        return self._client_for(run, choice.model)

    async def _understood(self, actor: Actor, requirement_id: str) -> Understood:
        async def unit(session: AsyncSession) -> Understood:
            return await requirement_rules.get_writable(
                session, workspace_id=actor.workspace_id, requirement_id=requirement_id
            )

        return await self._database.read(unit)

    async def _requirements_of(self, actor: Actor, run_id: str) -> tuple[Requirement, ...]:
        """The requirements that the prompt of this run was written for; none for other runs."""

        async def unit(session: AsyncSession) -> tuple[Requirement, ...]:
            run = await rules.get(session, actor=actor, run_id=run_id)
            result = cast("JsonObject", run.result or {})
            understood = await requirement_rules.find(
                session,
                workspace_id=actor.workspace_id,
                requirement_id=str(result.get("requirement_id", "")),
            )
            return understood.parsed.requirements if understood is not None else ()

        return await self._database.read(unit)


def _described(description: str, language: WantedLanguage) -> ParseOrder:
    try:
        return ParseOrder(check_description(description), language)
    except InvalidArgument as error:
        raise inputs.below_input(error) from error


def _new(kind: RunKind, choice: Choice, source: JsonObject) -> NewRun:
    return NewRun(new_id(), kind, choice.engine, choice.model, source)
