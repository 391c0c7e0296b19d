"""From what a caller asks for to a plan: the kind of the run chooses its pipeline."""

from dataclasses import dataclass
from functools import partial

from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.errors import FailedPrecondition, InvalidArgument, invalid_field
from servicekit.ids import new_id
from servicekit.json_types import JsonObject
from servicekit.workers.pool import WorkerPool
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.catalog.rules import Choice, ModelAccess
from generation_service.engines import RULES
from generation_service.execution import rules
from generation_service.execution.context import RunContext
from generation_service.execution.rules import RunSpec
from generation_service.execution.starter import RunPlan
from generation_service.execution.values import RunKind
from generation_service.peqa.pipeline import AssessInput, assess_run
from generation_service.requirements import rules as requirement_rules
from generation_service.requirements.description import check_description, checked_language
from generation_service.requirements.form import check_answers
from generation_service.requirements.pipeline import ParseInput
from generation_service.requirements.rules import RequirementSet
from generation_service.requirements.values import Requirement, WantedLanguage
from generation_service.runs import inputs
from generation_service.writing.pipeline import GenerateInput, generate_run


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """Input of a `generate` run as it came; exactly one of `description` and `requirement_id` is set."""

    description: str | None
    requirement_id: str | None
    answers_json: str
    layout: str
    language: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class AssessRequest:
    """Input of an `assess` run as it came, its length checked; what is not given is empty or 0."""

    content: str
    prompt_id: str
    version: int
    is_fresh: bool
    run_id: str


class RunPlanner:
    """Makes jobs. Every check that can be made before a run exists is made here."""

    def __init__(self, database: Database, models: ModelAccess, pool: WorkerPool) -> None:
        self._database = database
        self._pool = pool
        self._models = models

    async def generate(self, actor: Actor, request: GenerateRequest, *, engine: str, model: str) -> RunPlan:
        """A `generate` run.

        Raises:
            InvalidArgument: anything in the input is wrong; `input_refused` for a refused requirement.
            NotFound: there is no such requirement in this workspace.
            FailedPrecondition: `no_model`.
        """
        choice = self._models.catalog.choose(engine=engine, model=model)
        language = checked_language(request.language, pointer="/input/language")
        answers = inputs.parsed_answers(request.answers_json)
        source: ParseInput | RequirementSet
        if request.requirement_id is not None:
            source = await self._understood(actor, request.requirement_id)
            check_answers(source.form, answers)
        elif request.description is not None:
            source = _described(request.description, language)
        else:
            raise invalid_field("/input/description", "is required, or requirement_id instead")
        write_input = GenerateInput(
            source=source,
            answers=answers,
            layout=inputs.checked_layout(request.layout),
            language=None if language == "auto" else language,
            max_tokens=inputs.checked_max_tokens(request.max_tokens),
        )

        async def job(run: RunContext) -> JsonObject:
            client = self._models.client(run, choice)
            return await generate_run(run, write_input, database=self._database, pool=self._pool, client=client)

        origin: JsonObject = {"requirement_id": request.requirement_id} if request.requirement_id else {}
        return RunPlan(_new(RunKind.GENERATE, choice, origin), job)

    async def assess(self, actor: Actor, request: AssessRequest, *, engine: str, model: str) -> RunPlan:
        """An `assess` run, by rules; judging by a model is not offered.

        Raises:
            InvalidArgument: an unknown engine or model.
            FailedPrecondition: `no_model`, a model was asked for.
            NotFound: there is no such run that the actor may see.
        """
        if engine or model:
            choice = self._models.catalog.choose(engine=engine, model=model)
            if choice.engine != RULES:
                raise FailedPrecondition(
                    "Prompts are assessed by the engine rules here; leave engine and model out.",
                    reason="no_model",
                )
        requirements = await self._requirements_of(actor, request.run_id) if request.run_id else ()
        assess_input = AssessInput(content=request.content, requirements=requirements, is_fresh=request.is_fresh)
        origin: JsonObject = {}
        if request.prompt_id:
            origin = {"prompt_id": request.prompt_id, "version": request.version}
        if request.run_id:
            origin["run_id"] = request.run_id
        job = partial(assess_run, assess_input=assess_input, database=self._database, pool=self._pool)
        return RunPlan(_new(RunKind.ASSESS, Choice(RULES, ""), origin), job)

    async def _understood(self, actor: Actor, requirement_id: str) -> RequirementSet:
        async def unit(session: AsyncSession) -> RequirementSet:
            return await requirement_rules.get_writable(
                session, workspace_id=actor.workspace_id, requirement_id=requirement_id
            )

        return await self._database.read(unit)

    async def _requirements_of(self, actor: Actor, run_id: str) -> tuple[Requirement, ...]:
        """The requirements that the prompt of this run was written for; none for other runs."""

        async def unit(session: AsyncSession) -> tuple[Requirement, ...]:
            run = await rules.get(session, actor=actor, run_id=run_id)
            result = run.result or {}
            understood = await requirement_rules.find(
                session,
                workspace_id=actor.workspace_id,
                requirement_id=str(result.get("requirement_id", "")),
            )
            return understood.parsed.requirements if understood is not None else ()

        return await self._database.read(unit)


def _described(description: str, language: WantedLanguage) -> ParseInput:
    try:
        return ParseInput(check_description(description), language)
    except InvalidArgument as error:
        raise inputs.below_input(error) from error


def _new(kind: RunKind, choice: Choice, source: JsonObject) -> RunSpec:
    return RunSpec(new_id(), kind, choice.engine, choice.model, source)
