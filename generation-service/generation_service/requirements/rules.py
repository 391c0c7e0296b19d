"""Parsed descriptions as they are kept: stored with the run that made them, found again by its id."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, cast

from servicekit.db.schema import now
from servicekit.errors import InvalidArgument, NotFound, Violation
from servicekit.ids import is_id
from servicekit.json_types import JsonObject
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from generation_service.engines import EngineName
from generation_service.requirements.models import StoredRequirement
from generation_service.requirements.values import (
    Form,
    InputClass,
    ParsedDescription,
    Requirement,
    RequirementKind,
    Unknown,
)
from generation_service.text.language import Language

REFUSED_CLASSES = frozenset({InputClass.UNSAFE, InputClass.NOT_A_PROMPT_REQUEST})
"""Descriptions that no prompt is written for."""

REFUSAL = "This description cannot become a prompt; describe what an assistant should do for its users."


@dataclass(frozen=True, slots=True)
class RequirementSet:
    """A description, understood, with its form; `engine` is what understood it, whatever was asked for."""

    id: str
    parsed: ParsedDescription
    form: Form
    engine: EngineName
    created_at: datetime

    @property
    def is_refused(self) -> bool:
        """True when no prompt is written for it."""
        return self.parsed.input_class in REFUSED_CLASSES


async def save(session: AsyncSession, understood: RequirementSet, *, workspace_id: str) -> None:
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
            form=asdict(form),
            engine=understood.engine,
            created_at=understood.created_at,
        )
    )
    await session.flush()


async def find(session: AsyncSession, *, workspace_id: str, requirement_id: str) -> RequirementSet | None:
    """What is kept under this id in this workspace."""
    if not is_id(requirement_id):
        return None
    row = await session.scalar(
        select(StoredRequirement).where(
            StoredRequirement.workspace_id == workspace_id, StoredRequirement.id == requirement_id
        ),
    )
    return None if row is None else _understood(row)


async def get_writable(session: AsyncSession, *, workspace_id: str, requirement_id: str) -> RequirementSet:
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


def new_requirement_set(run_id: str, parsed: ParsedDescription, form: Form, engine: EngineName) -> RequirementSet:
    """A parse made by this run just now."""
    return RequirementSet(run_id, parsed, form, engine, now())


def requirement_as_json(requirement: Requirement) -> JsonObject:
    """The stored form of one requirement."""
    return {**asdict(requirement), "kind": requirement.kind.value}


def _understood(row: StoredRequirement) -> RequirementSet:
    """A row as it was saved: only `save` writes these columns."""
    parsed = ParsedDescription(
        description=row.description,
        language=cast("Language", row.language),
        input_class=InputClass(row.input_class),
        agent_type=row.agent_type,
        requirements=tuple(_requirement(one) for one in row.requirements),
        unknowns=tuple(Unknown(**cast("dict[str, Any]", one)) for one in row.unknowns),
    )
    form = Form(**cast("dict[str, Any]", row.form))
    return RequirementSet(row.id, parsed, form, cast("EngineName", row.engine), row.created_at)


def _requirement(stored: JsonObject) -> Requirement:
    fields = cast("dict[str, Any]", stored)
    return Requirement(**{**fields, "kind": RequirementKind(fields["kind"])})
