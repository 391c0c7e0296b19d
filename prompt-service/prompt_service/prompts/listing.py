"""Pages of prompts, newest first (ids are made in time's order)."""

from dataclasses import dataclass

from servicekit.db.paging import CursorSigner, ListScope, Page, page_limit
from servicekit.normal_form import nfc
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from prompt_service.prompt_row import facets
from prompt_service.prompt_row.models import Prompt, PromptFacet
from prompt_service.prompt_row.names import LATEST


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page is limited to; empty means everything. All that are given must hold."""

    tag: str = ""
    folder: str = ""
    label: str = ""
    author: str = ""
    deleted: bool = False


async def page(
    session: AsyncSession,
    *,
    workspace_id: str,
    filters: Filters,
    signer: CursorSigner,
    limit: int,
    cursor: str,
) -> Page[Prompt]:
    """One page of the living prompts, or of the recycle bin.

    Raises:
        InvalidArgument: `invalid_cursor`, or a wrong limit.
    """
    count = page_limit(limit)
    scope = ListScope(
        "prompts",
        workspace_id,
        {
            "tag": filters.tag,
            "folder": filters.folder,
            "label": filters.label,
            "author": filters.author,
            "deleted": filters.deleted,
        },
    )
    position = signer.open(scope, cursor)
    query = _query(workspace_id, filters, None if position is None else str(position[0]))
    # One row more than shown tells whether there is a next page.
    prompts = list(await session.scalars(query.limit(count + 1)))
    if len(prompts) <= count:
        return Page(prompts, "")
    return Page(prompts[:count], signer.seal(scope, (prompts[count - 1].id,)))


def _query(workspace_id: str, filters: Filters, before_id: str | None) -> Select[Prompt]:
    query = select(Prompt)
    ordered_by: InstrumentedAttribute[str] = Prompt.id
    for index, (kind, value) in enumerate(_facets(filters)):
        facet = aliased(PromptFacet)
        if index == 0:
            # A page is read from the first facet's key in its order, never sorted: MySQL's guess between the joins,
            # by statistics that may be old, was a hundred times slower on the first of 5 000 pages.
            query = query.select_from(facet).prefix_with("STRAIGHT_JOIN", dialect="mysql")
            ordered_by = facet.prompt_id
        else:
            query = query.join(facet, (facet.workspace_id == workspace_id) & (facet.prompt_id == ordered_by))
        query = query.with_hint(facet, "FORCE INDEX (PRIMARY)", "mysql").where(
            facet.workspace_id == workspace_id,
            facet.kind == kind,
            facet.value == value,
            facet.is_deleted == filters.deleted,
        )
    if ordered_by is not Prompt.id:
        query = query.join(Prompt, (Prompt.workspace_id == workspace_id) & (Prompt.id == ordered_by))
    query = query.where(Prompt.workspace_id == workspace_id, Prompt.is_deleted == filters.deleted)
    if filters.label == LATEST:
        query = query.where(Prompt.head_version > 0)
    if before_id is not None:
        query = query.where(ordered_by < before_id)
    return query.order_by(ordered_by.desc())


def _facets(filters: Filters) -> list[tuple[str, str]]:
    # The ones that usually fit the fewest prompts come first.
    wanted = [
        (facets.LABEL, "" if filters.label == LATEST else filters.label),
        (facets.TAG, nfc(filters.tag.strip())),
        (facets.FOLDER, filters.folder.rstrip("/")),
        (facets.AUTHOR, filters.author),
    ]
    return [(kind, value) for kind, value in wanted if value]
