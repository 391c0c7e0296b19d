"""Keeping `prompt_facets` true: it follows each change of a prompt in the same transaction."""

from collections.abc import Iterator

from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.prompt_row.models import Prompt, PromptFacet
from prompt_service.prompt_row.names import folders_of

TAG = "tag"
FOLDER = "folder"
LABEL = "label"
AUTHOR = "author"


async def add(session: AsyncSession, prompt: Prompt) -> None:
    """Write the facets of a new prompt."""
    await _insert(session, prompt, [(AUTHOR, prompt.created_by.id), *_tags_and_folders(prompt)])


async def replace_tags_and_folders(session: AsyncSession, prompt: Prompt) -> None:
    """Write tags and folders anew, after one of them changed."""
    await session.execute(
        delete(PromptFacet).where(
            PromptFacet.workspace_id == prompt.workspace_id,
            PromptFacet.prompt_id == prompt.id,
            PromptFacet.kind.in_((TAG, FOLDER)),
        )
    )
    await _insert(session, prompt, list(_tags_and_folders(prompt)))


async def update_deleted(session: AsyncSession, prompt: Prompt) -> None:
    """Follow the prompt into the recycle bin or out of it."""
    await session.execute(
        update(PromptFacet)
        .where(PromptFacet.workspace_id == prompt.workspace_id, PromptFacet.prompt_id == prompt.id)
        .values(is_deleted=prompt.is_deleted)
        .execution_options(synchronize_session=False)
    )


async def add_label(session: AsyncSession, prompt: Prompt, label: str) -> None:
    """Write that the prompt has the label now."""
    await _insert(session, prompt, [(LABEL, label)])


async def remove_label(session: AsyncSession, prompt: Prompt, label: str) -> None:
    """Write that the prompt has the label no longer."""
    await session.execute(
        delete(PromptFacet).where(
            PromptFacet.workspace_id == prompt.workspace_id,
            PromptFacet.kind == LABEL,
            PromptFacet.value == label,
            PromptFacet.prompt_id == prompt.id,
        )
    )


def _tags_and_folders(prompt: Prompt) -> Iterator[tuple[str, str]]:
    for tag in prompt.tag_list:
        yield TAG, tag
    for folder in folders_of(prompt.name):
        yield FOLDER, folder


async def _insert(session: AsyncSession, prompt: Prompt, facets: list[tuple[str, str]]) -> None:
    if not facets:
        return
    rows = [
        {
            "workspace_id": prompt.workspace_id,
            "kind": kind,
            "value": value,
            "is_deleted": prompt.is_deleted,
            "prompt_id": prompt.id,
        }
        for kind, value in facets
    ]
    await session.execute(insert(PromptFacet), rows)
