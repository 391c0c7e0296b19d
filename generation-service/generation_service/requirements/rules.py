"""Parsed descriptions as they are kept: stored with the run that made them, found again by its id."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from servicekit.db.schema import now
from servicekit.errors import InvalidArgument, NotFound, Violation
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.requirements.domain import (
    Form,
    Impact,
    InputClass,
    JsonObject,
    Language,
    Parsed,
    Priority,
    Requirement,
    RequirementKind,
    Unknown,
)
from generation_service.requirements.models import StoredRequirement
from generation_service.runs.domain import EngineName, is_id

REFUSED_CLASSES = frozenset({InputClass.UNSAFE, InputClass.NOT_A_PROMPT_REQUEST})
"""Descriptions that no prompt is written for."""

REFUSAL = "This description cannot become a prompt; describe what an assistant should do for its users."


@dataclass(frozen=True, slots=True)
class Understood:
    """A description, understood, with its form; `engine` is what understood it, whatever was asked for."""

    id: str
    parsed: Parsed
    form: Form
    engine: EngineName
    created_at: datetime

    @property
    def is_refused(self) -> bool:
        """True when no prompt is written for it."""
        return self.parsed.input_class in REFUSED_CLASSES


async def save(session: AsyncSession, understood: Understood, *, workspace_id: str) -> None:
    """Keep it under its id.

    Raises:
        sqlalchemy.exc.IntegrityError: something is kept under this id already.
    """
    parsed, form = understood.parsed, understood.form
    session.add(
        StoredRequirement(
            id=understood.id,
            workspace_id=workspace_id,
            description=parsed.description,
            language=parsed.language,
            input_class=parsed.input_class.value,
            agent_type=parsed.agent_type,
            requirements=[requirement_as_json(one) for one in parsed.requirements],
            unknowns=[asdict(one) for one in parsed.unknowns],
            form={"schema": form.schema, "ui": form.ui, "prefill": form.prefill, "fallback": form.fallback},
            engine=understood.engine,
            created_at=understood.created_at,
        )
    )
    await session.flush()


async def find(session: AsyncSession, *, workspace_id: str, requirement_id: str) -> Understood | None:
    """What is kept under this id in this workspace."""
    if not is_id(requirement_id):
        return None
    row = await session.scalar(
        select(StoredRequirement).where(
            StoredRequirement.workspace_id == workspace_id, StoredRequirement.id == requirement_id
        ),
    )
    return None if row is None else _understood(row)


async def get_writable(session: AsyncSession, *, workspace_id: str, requirement_id: str) -> Understood:
    """The parse that a prompt shall be written from.

    Raises:
        NotFound: there is none in this workspace.
        InvalidArgument: `input_refused`, no prompt is written for such a description.
    """
    understood = await find(session, workspace_id=workspace_id, requirement_id=requirement_id)
    if understood is None:
        raise NotFound("There is no such requirement.")
    if understood.is_refused:
        raise InvalidArgument(
            REFUSAL,
            reason="input_refused",
            metadata={"input_class": understood.parsed.input_class.value},
            violations=[Violation("/input/requirement_id", REFUSAL)],
        )
    return understood


def understood_now(run_id: str, parsed: Parsed, form: Form, engine: EngineName) -> Understood:
    """A parse made by this run just now."""
    return Understood(run_id, parsed, form, engine, now())


def requirement_as_json(requirement: Requirement) -> JsonObject:
    """The stored form of one requirement."""
    return {**asdict(requirement), "kind": requirement.kind.value}


def _understood(row: StoredRequirement) -> Understood:
    form = cast("JsonObject", row.form)
    parsed = Parsed(
        description=row.description,
        language=cast("Language", row.language),
        input_class=InputClass(row.input_class),
        agent_type=row.agent_type,
        requirements=tuple(_requirement(one) for one in cast("list[JsonObject]", row.requirements)),
        unknowns=tuple(_unknown(one) for one in cast("list[JsonObject]", row.unknowns)),
    )
    return Understood(
        row.id,
        parsed,
        Form(
            schema=cast("JsonObject", form["schema"]),
            ui=cast("JsonObject", form["ui"]),
            prefill=cast("JsonObject", form["prefill"]),
            fallback=bool(form["fallback"]),
        ),
        cast("EngineName", row.engine),
        row.created_at,
    )


def _requirement(value: JsonObject) -> Requirement:
    return Requirement(
        id=str(value["id"]),
        kind=RequirementKind(str(value["kind"])),
        text=str(value["text"]),
        source_quote=cast("str | None", value["source_quote"]),
        priority=cast("Priority", value["priority"]),
        inferred=bool(value["inferred"]),
    )


def _unknown(value: JsonObject) -> Unknown:
    return Unknown(
        id=str(value["id"]),
        question=str(value["question"]),
        why=str(value["why"]),
        impact=cast("Impact", value["impact"]),
    )
