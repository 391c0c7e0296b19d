"""What an application gets by a name: found in one query, by keys alone."""

from dataclasses import dataclass

from servicekit.errors import InvalidArgument, NotFound, Violation
from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.labels.models import Label
from prompt_service.labels.names import DEFAULT, problem_of_label
from prompt_service.prompt_row.models import Prompt
from prompt_service.prompt_row.names import LATEST, problem_of_name
from prompt_service.versions.models import PromptVersion
from prompt_service.versions.rules import MAX_NUMBER


@dataclass(frozen=True, slots=True)
class Delivered:
    """A version, and the label by which it was found; empty when by number."""

    version: PromptVersion
    label: str


async def find(session: AsyncSession, *, workspace_id: str, name: str, label: str = "", number: int = 0) -> Delivered:
    """The version that a living prompt's name and a label or number stand for; neither means `production`.

    Raises:
        InvalidArgument: label and number at once.
        NotFound: no such living prompt, label or version.
    """
    if label and number:
        problem = "Give a label or a version, not both."
        raise InvalidArgument(problem, violations=[Violation("/label", problem)])
    if not number:
        label = label or DEFAULT
    version = None
    # What the grammar rules out cannot be stored, so nobody needs to ask the database for it.
    if not problem_of_name(name) and (_is_number(number) if number else _is_label(label)):
        version = await session.scalar(_query(workspace_id, name, label, number))
    if version is None:
        what = f"version {number}" if number else f"label {label[:64]!r}"
        raise NotFound(f"There is no prompt {name[:128]!r} with the {what} in this workspace.")
    return Delivered(version, label)


def _query(workspace_id: str, name: str, label: str, number: int) -> Select[PromptVersion]:
    query = (
        select(PromptVersion).select_from(Prompt).where(Prompt.workspace_id == workspace_id, Prompt.live_name == name)
    )
    same_prompt = and_(PromptVersion.workspace_id == Prompt.workspace_id, PromptVersion.prompt_id == Prompt.id)
    if number:
        return query.join(PromptVersion, same_prompt & (PromptVersion.number == number))
    if label == LATEST:
        return query.join(PromptVersion, same_prompt & (PromptVersion.number == Prompt.head_version))
    return query.join(
        Label,
        and_(Label.workspace_id == Prompt.workspace_id, Label.prompt_id == Prompt.id, Label.label == label),
    ).join(PromptVersion, same_prompt & (PromptVersion.number == Label.version))


def _is_number(number: int) -> bool:
    return 1 <= number <= MAX_NUMBER


def _is_label(label: str) -> bool:
    return label == LATEST or not problem_of_label(label)
