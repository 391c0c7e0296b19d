"""From a description to a plan of a `parse` run."""

from dataclasses import replace

from servicekit.db import Database
from servicekit.ids import new_id
from servicekit.json_types import JsonObject
from servicekit.workers.pool import WorkerPool

from generation_service.catalog.rules import ModelAccess
from generation_service.engines import DASHSCOPE
from generation_service.execution.context import RunContext
from generation_service.execution.rules import RunSpec
from generation_service.execution.starter import RunPlan
from generation_service.execution.values import RunKind
from generation_service.requirements.description import check_description, checked_language
from generation_service.requirements.pipeline import ParseInput, parse_run


class ParsePlanner:
    """Plans `parse` runs, by the default engine."""

    def __init__(self, database: Database, models: ModelAccess, pool: WorkerPool) -> None:
        self._database = database
        self._pool = pool
        self._models = models

    def plan(self, description: str, language: str) -> tuple[RunPlan, ParseInput]:
        """A run that understands the description, and what it works on.

        Raises:
            InvalidArgument: the description or the language is wrong.
        """
        parse_input = ParseInput(check_description(description), checked_language(language, pointer="/language"))
        catalog = self._models.catalog
        choice = catalog.choose(engine="", model="")
        if choice.engine == DASHSCOPE:
            choice = replace(choice, model=catalog.defaults.parse)

        async def job(run: RunContext) -> JsonObject:
            client = self._models.client(run, choice)
            return await parse_run(run, parse_input, database=self._database, pool=self._pool, client=client)

        return RunPlan(RunSpec(new_id(), RunKind.PARSE, choice.engine, choice.model, {}), job), parse_input
