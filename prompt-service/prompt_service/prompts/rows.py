"""Finding a prompt, and taking the lock under which it, its versions and its labels change."""

from servicekit.db.schema import now
from servicekit.errors import Aborted, AlreadyExists, FailedPrecondition, Violation
from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.prompts.models import Prompt
from prompt_service.texts import no_such_prompt, require_prompt_id
from prompt_service.versions.models import PromptVersion


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


async def find_with_head(
    session: AsyncSession, *, workspace_id: str, prompt_id: str
) -> tuple[Prompt, PromptVersion | None]:
    """The prompt and its newest version, in one query.

    Raises:
        NotFound: the workspace has none with this id.
    """
    query = (
        select(Prompt, PromptVersion)
        .outerjoin(
            PromptVersion,
            and_(
                PromptVersion.workspace_id == Prompt.workspace_id,
                PromptVersion.prompt_id == Prompt.id,
                PromptVersion.number == Prompt.head_version,
            ),
        )
        .where(Prompt.workspace_id == workspace_id, Prompt.id == require_prompt_id(prompt_id))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise no_such_prompt()
    prompt, head = found
    return prompt, head


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


async def flush_name(session: AsyncSession, name: str) -> None:
    """Write what is pending; the constraint on living names decides who is first.

    Raises:
        AlreadyExists: `name_taken`, another living prompt of the workspace has the name.
    """
    try:
        await session.flush()
    except IntegrityError as error:
        if "live_name" not in str(error.orig):
            raise
        raise AlreadyExists(
            f"A prompt named {name!r} exists already; choose another name.",
            reason="name_taken",
            metadata={"name": name},
            violations=[Violation("/name", "This name is taken.")],
        ) from error


def stale() -> Aborted:
    """Somebody else was faster."""
    return Aborted("This was changed after you read it; read it again, then decide.")
