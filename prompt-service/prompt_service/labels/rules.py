"""Labels: pointers to versions, moved under the prompt's row lock, each move kept as an event."""

from dataclasses import dataclass

from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.db.paging import CursorSigner, ListScope, Page, page
from servicekit.errors import NotFound, Violation
from servicekit.ids import new_id
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.authors import author_of
from prompt_service.labels.models import Label, LabelEvent
from prompt_service.labels.names import problem_of_label
from prompt_service.prompt_row import facets
from prompt_service.prompt_row import rules as prompt_row
from prompt_service.prompt_row.models import Prompt
from prompt_service.validation import MAX_COMMENT_CHARS, check_text, raise_for_violations
from prompt_service.versions.rules import require_version

MAX_LABELS = 100


@dataclass(frozen=True, slots=True)
class SetResult:
    """A label as it is now, the prompt's name, and whether it moved."""

    label: Label
    prompt_name: str
    has_moved: bool


async def put(
    session: AsyncSession,
    *,
    actor: Actor,
    prompt_id: str,
    name: str,
    version: int,
    reason: str,
    if_match: int | None = None,
) -> SetResult:
    """Point a label at a version; where it points there already, nothing happens.

    Args:
        session: of a write transaction.
        actor: who does it.
        prompt_id: whose label.
        name: of the label.
        version: a number that exists.
        reason: a sentence for the history, may be empty.
        if_match: the label's row version that the caller believes in.

    Raises:
        InvalidArgument: no label can be called so, there is no such version, the reason is too long, or the
            prompt has 100 labels already.
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: `stale`, the label is not at `if_match`.
    """
    reason = _checked(name, reason)
    prompt = await prompt_row.lock_living(session, workspace_id=actor.workspace_id, prompt_id=prompt_id)
    label = await _find(session, prompt, name)
    if if_match is not None and (label is None or label.row_version != if_match):
        raise prompt_row.stale()
    require_version(prompt, version)
    from_version = label.version if label is not None else 0
    if label is not None and from_version == version:
        return SetResult(label, prompt.name, has_moved=False)
    label = await _point(session, actor, prompt, label, name=name, version=version)
    _keep(session, actor, prompt, name=name, from_version=from_version, to_version=version, reason=reason)
    return SetResult(label, prompt.name, has_moved=True)


async def remove(
    session: AsyncSession,
    *,
    actor: Actor,
    prompt_id: str,
    name: str,
    reason: str,
    if_match: int | None = None,
) -> str:
    """Take a label away; its history stays. Gives the prompt's name.

    Raises:
        InvalidArgument: no label can be called so, or the reason is too long.
        NotFound: no such prompt, or it has no such label.
        FailedPrecondition: `deleted`, the prompt is in the recycle bin.
        Aborted: `stale`, the label is not at `if_match`.
    """
    reason = _checked(name, reason)
    prompt = await prompt_row.lock_living(session, workspace_id=actor.workspace_id, prompt_id=prompt_id)
    label = await _find(session, prompt, name)
    if label is None:
        raise NotFound(f"This prompt has no label {name!r}.")
    if if_match is not None and label.row_version != if_match:
        raise prompt_row.stale()
    prompt_row.touch(prompt)
    await session.delete(label)
    prompt.labels = {other: version for other, version in prompt.label_map.items() if other != name}
    await facets.remove_label(session, prompt, name)
    _keep(session, actor, prompt, name=name, from_version=label.version, to_version=0, reason=reason)
    return prompt.name


async def labels_of(session: AsyncSession, *, workspace_id: str, prompt_id: str) -> list[Label]:
    """All labels of a prompt by name; at most `MAX_LABELS`.

    Raises:
        NotFound: no such prompt.
    """
    prompt = await prompt_row.find(session, workspace_id=workspace_id, prompt_id=prompt_id)
    query = (
        select(Label)
        .where(Label.workspace_id == workspace_id, Label.prompt_id == prompt.id)
        .order_by(Label.label)
        .limit(MAX_LABELS)
    )
    return list(await session.scalars(query))


async def history(
    session: AsyncSession,
    *,
    workspace_id: str,
    prompt_id: str,
    name: str,
    signer: CursorSigner,
    limit: int,
    cursor: str,
) -> Page[LabelEvent]:
    """What happened to a label, newest first, also after it was removed.

    Raises:
        NotFound: no such prompt.
        InvalidArgument: `invalid_cursor`, or a wrong limit.
    """
    prompt = await prompt_row.find(session, workspace_id=workspace_id, prompt_id=prompt_id)
    query = select(LabelEvent).where(
        LabelEvent.workspace_id == workspace_id, LabelEvent.prompt_id == prompt.id, LabelEvent.label == name
    )
    return await page(
        session,
        query,
        order=[LabelEvent.sequence],
        signer=signer,
        scope=ListScope("label_events", workspace_id, {"prompt_id": prompt.id, "label": name}),
        limit=limit,
        cursor=cursor,
        descending=True,
    )


async def _point(
    session: AsyncSession, actor: Actor, prompt: Prompt, label: Label | None, *, name: str, version: int
) -> Label:
    """Write where the label points, to its row and to the prompt's; `label` is None when there is none yet."""
    is_new = label is None
    if is_new and len(prompt.label_map) >= MAX_LABELS:
        raise_for_violations([Violation("/label", f"This prompt has {MAX_LABELS} labels, the most; remove one first.")])
    prompt_row.touch(prompt)
    if label is None:
        label = Label(workspace_id=prompt.workspace_id, prompt_id=prompt.id, label=name)
        session.add(label)
    label.version = version
    label.updated_by = author_of(actor)
    label.updated_at = prompt.updated_at
    label.row_version = prompt.row_version
    prompt.labels = {**prompt.label_map, name: version}
    if is_new:
        await facets.add_label(session, prompt, name)
    return label


async def _find(session: AsyncSession, prompt: Prompt, name: str) -> Label | None:
    query = select(Label).where(
        Label.workspace_id == prompt.workspace_id, Label.prompt_id == prompt.id, Label.label == name
    )
    return await session.scalar(query)


def _checked(name: str, reason: str) -> str:
    violations: list[Violation] = []
    problem = problem_of_label(name)
    if problem:
        violations.append(Violation("/label", problem))
    reason = check_text(reason, "/reason", violations, max_chars=MAX_COMMENT_CHARS)
    raise_for_violations(violations)
    return reason


def _keep(
    session: AsyncSession,
    actor: Actor,
    prompt: Prompt,
    *,
    name: str,
    from_version: int,
    to_version: int,
    reason: str,
) -> None:
    action = "removed" if not to_version else "moved" if from_version else "set"
    session.add(
        LabelEvent(
            workspace_id=prompt.workspace_id,
            prompt_id=prompt.id,
            label=name,
            sequence=prompt.row_version,
            id=new_id(),
            action=action,
            from_version=from_version,
            to_version=to_version,
            actor=author_of(actor),
            reason=reason,
            created_at=prompt.updated_at,
        )
    )
    audit.record(
        session,
        actor=actor,
        action="label.remove" if not to_version else "label.set",
        object_type="prompt",
        object_id=prompt.id,
        detail={"label": name, "from_version": from_version, "to_version": to_version, "reason": reason},
    )
