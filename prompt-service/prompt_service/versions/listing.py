"""Pages of versions with their content, newest first."""

from servicekit.db.paging import CursorSigner, ListScope, Page, page_limit
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.prompt_row import rules as prompt_row
from prompt_service.versions.models import PromptVersion

# A page travels as one gRPC message of at most 4 MiB; versions of 256 KiB make it shorter than asked.
MAX_PAGE_BYTES = 2 * 1024 * 1024
# What a row takes beside its texts, generously.
_ROW_BYTES = 1024


async def page(
    session: AsyncSession, *, workspace_id: str, prompt_id: str, signer: CursorSigner, limit: int, cursor: str
) -> Page[PromptVersion]:
    """At most `limit` versions, and at least one when there is any.

    Raises:
        NotFound: no such prompt.
        InvalidArgument: `invalid_cursor`, or a wrong limit.
    """
    count = page_limit(limit)
    prompt = await prompt_row.find(session, workspace_id=workspace_id, prompt_id=prompt_id)
    scope = ListScope("versions", workspace_id, {"prompt_id": prompt.id})
    position = signer.open(scope, cursor)
    below = prompt.head_version + 1 if position is None else int(str(position[0]))
    mine = (PromptVersion.workspace_id == workspace_id, PromptVersion.prompt_id == prompt.id)
    sizes = (
        select(PromptVersion.number, PromptVersion.stored_bytes)
        .where(*mine, PromptVersion.number < below)
        .order_by(PromptVersion.number.desc())
        .limit(count)
    )
    lowest, room = below, MAX_PAGE_BYTES
    for number, stored_bytes in await session.execute(sizes):
        room -= stored_bytes + _ROW_BYTES
        if room < 0 and lowest < below:
            break
        lowest = number
    query = (
        select(PromptVersion)
        .where(*mine, PromptVersion.number < below, PromptVersion.number >= lowest)
        .order_by(PromptVersion.number.desc())
    )
    versions = list(await session.scalars(query))
    # Numbers are dense down to 1.
    next_cursor = signer.seal(scope, (lowest,)) if versions and lowest > 1 else ""
    return Page(versions, next_cursor)
