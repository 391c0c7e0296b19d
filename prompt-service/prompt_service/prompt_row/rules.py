"""A prompt's row: found, and locked with the lock under which it, its versions and its labels change."""

from servicekit.db.schema import now
from servicekit.errors import Aborted, FailedPrecondition, NotFound
from servicekit.ids import is_id
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.prompt_row.models import Prompt


async def find(session: AsyncSession, *, workspace_id: str, prompt_id: str) -> Prompt:
    """The prompt, living or in the recycle bin.

    Raises:
        NotFound: the workspace has none with this id.
    """
    query = select(Prompt).where(Prompt.workspace_id == workspace_id, Prompt.id == require_prompt_id(prompt_id))
    prompt = await session.scalar(query)
    if prompt is None:
        raise no_such_prompt()
    return prompt


async def lock(session: AsyncSession, *, workspace_id: str, prompt_id: str, if_match: int | None = None) -> Prompt:
    """The prompt with its row lock, living or in the recycle bin.

    Args:
        session: of a write transaction.
        workspace_id: whose.
        prompt_id: which.
        if_match: the row version that the caller believes in, when it said one.

    Raises:
        NotFound: the workspace has none with this id.
        Aborted: `stale`, it has changed since.
    """
    query = (
        select(Prompt)
        .where(Prompt.workspace_id == workspace_id, Prompt.id == require_prompt_id(prompt_id))
        .with_for_update()
    )
    prompt = await session.scalar(query)
    if prompt is None:
        raise no_such_prompt()
    if if_match is not None and if_match != prompt.row_version:
        raise stale()
    return prompt


async def lock_living(
    session: AsyncSession, *, workspace_id: str, prompt_id: str, if_match: int | None = None
) -> Prompt:
    """As `lock`, for changes that make no sense in the recycle bin.

    Raises:
        NotFound: as `lock`.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: as `lock`.
    """
    prompt = await lock(session, workspace_id=workspace_id, prompt_id=prompt_id)
    if prompt.is_deleted:
        raise FailedPrecondition("This prompt is in the recycle bin; restore it first.", reason="deleted")
    if if_match is not None and if_match != prompt.row_version:
        raise stale()
    return prompt


def touch(prompt: Prompt) -> None:
    """Say that the prompt, one of its labels or its head has changed; once a transaction and change."""
    prompt.row_version += 1
    prompt.updated_at = now()


def stale() -> Aborted:
    """Somebody else was faster."""
    return Aborted("This was changed after you read it; read it again, then decide.")


def require_prompt_id(text: str) -> str:
    """The id as it is.

    Raises:
        NotFound: nothing can have such an id.
    """
    if not is_id(text):
        raise no_such_prompt()
    return text


def no_such_prompt() -> NotFound:
    """Not there and not the caller's look the same."""
    return NotFound("There is no such prompt in this workspace.")
