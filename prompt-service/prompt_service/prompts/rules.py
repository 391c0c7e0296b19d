"""Prompts: made, changed, put into the recycle bin and taken out of it."""

from dataclasses import dataclass

from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.db.schema import now
from servicekit.errors import AlreadyExists, FailedPrecondition, Violation
from servicekit.ids import new_id
from servicekit.json_types import JsonValue
from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.authors import author_of
from prompt_service.prompt_row import facets
from prompt_service.prompt_row import rules as prompt_row
from prompt_service.prompt_row.models import Prompt
from prompt_service.prompts.fields import PromptFields, apply_fields
from prompt_service.validation import raise_for_violations
from prompt_service.versions import rules as versions
from prompt_service.versions.drafts import NewVersion
from prompt_service.versions.models import PromptVersion


@dataclass(frozen=True, slots=True)
class PromptWithHead:
    """A prompt with its head, and the names under which deliveries of it may have been kept."""

    prompt: Prompt
    head: PromptVersion | None
    invalidated_names: frozenset[str] = frozenset()


async def create(
    session: AsyncSession, *, actor: Actor, fields: PromptFields, first_version: NewVersion | None
) -> PromptWithHead:
    """Make a prompt, with its first version when there is one.

    Asked again for the same name with the same run's result, it gives the prompt that is there.

    Raises:
        AlreadyExists: `name_taken`, or `run_stored` when the run's result is a version of another prompt.
        InvalidArgument: a first version cannot have a parent.
    """
    name = fields.name or ""
    if first_version is not None and first_version.run_id is not None:
        earlier = await versions.find_by_run(session, workspace_id=actor.workspace_id, run_id=first_version.run_id)
        if earlier is not None:
            prompt = await prompt_row.find(session, workspace_id=actor.workspace_id, prompt_id=earlier.prompt_id)
            if prompt.live_name != name:
                raise versions.run_stored(earlier)
            return await _with_head(session, prompt)
    prompt = _new(actor, fields)
    version = None
    if first_version is not None:
        versions.check_parent(prompt, first_version.parent)
        version = versions.append(prompt, first_version, author=author_of(actor), at=prompt.created_at)
    session.add(prompt)
    await _flush_name(session, name)
    if version is not None:
        session.add(version)
        await versions.flush_run(session)
    await facets.add(session, prompt)
    _record(session, actor, prompt, "prompt.create", head_version=prompt.head_version)
    return PromptWithHead(prompt, version, frozenset((name,)))


async def get(session: AsyncSession, *, workspace_id: str, prompt_id: str) -> PromptWithHead:
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
        .where(Prompt.workspace_id == workspace_id, Prompt.id == prompt_row.require_prompt_id(prompt_id))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise prompt_row.no_such_prompt()
    prompt, head = found
    return PromptWithHead(prompt, head)


async def update(
    session: AsyncSession, *, actor: Actor, prompt_id: str, fields: PromptFields, if_match: int | None
) -> PromptWithHead:
    """Change name, title or tags; what is equal already is no change.

    Raises:
        FailedPrecondition: `precondition_required`, `if_match` is missing.
        Aborted: `stale`, it is not the row version.
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        AlreadyExists: `name_taken`.
    """
    if if_match is None:
        raise FailedPrecondition(
            "Say by If-Match which state of the prompt you are changing: the ETag of your last read.",
            reason="precondition_required",
        )
    prompt = await prompt_row.lock_living(
        session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match
    )
    old_name = prompt.name
    changed = apply_fields(prompt, fields)
    if not changed:
        return await _with_head(session, prompt)
    prompt_row.touch(prompt)
    await _flush_name(session, prompt.name)
    if "title" not in changed or len(changed) > 1:
        await facets.replace_tags_and_folders(session, prompt)
    _record(session, actor, prompt, "prompt.update", changed=[*changed], old_name=old_name)
    return await _with_head(session, prompt, old_name)


async def delete(session: AsyncSession, *, actor: Actor, prompt_id: str, if_match: int | None) -> str:
    """Put the prompt into the recycle bin; its name is free from then on. Gives the name.

    Its labels stay with it: nothing is delivered by them until it is restored.

    Raises:
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: `stale`, when `if_match` is not the row version.
    """
    prompt = await prompt_row.lock_living(
        session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match
    )
    prompt_row.touch(prompt)
    prompt.deleted_at = prompt.updated_at
    prompt.is_deleted = True
    prompt.live_name = None
    await session.flush()
    await facets.update_deleted(session, prompt)
    _record(session, actor, prompt, "prompt.delete")
    return prompt.name


async def restore(
    session: AsyncSession, *, actor: Actor, prompt_id: str, fields: PromptFields, if_match: int | None
) -> PromptWithHead:
    """Take the prompt out of the recycle bin, under the name in `fields` when there is one.

    A living prompt is given as it is.

    Raises:
        NotFound: no such prompt.
        Aborted: `stale`, when `if_match` is not the row version.
        AlreadyExists: `name_taken` meanwhile; restore it under another name.
        InvalidArgument: another name was given for a prompt that is not in the recycle bin.
    """
    prompt = await prompt_row.lock(session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match)
    name = fields.name or prompt.name
    if not prompt.is_deleted:
        if name != prompt.name:
            raise_for_violations([Violation("/name", "This prompt is not in the recycle bin; rename it instead.")])
        return await _with_head(session, prompt)
    old_name = prompt.name
    prompt_row.touch(prompt)
    prompt.deleted_at = None
    prompt.is_deleted = False
    prompt.name = prompt.live_name = name
    await _flush_name(session, name)
    await facets.update_deleted(session, prompt)
    if name != old_name:
        await facets.replace_tags_and_folders(session, prompt)
    _record(session, actor, prompt, "prompt.restore", old_name=old_name)
    return await _with_head(session, prompt)


async def _flush_name(session: AsyncSession, name: str) -> None:
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


async def _with_head(session: AsyncSession, prompt: Prompt, *other_names: str) -> PromptWithHead:
    head = None
    if prompt.head_version:
        head = await versions.get(
            session, workspace_id=prompt.workspace_id, prompt_id=prompt.id, number=prompt.head_version
        )
    return PromptWithHead(prompt, head, frozenset((prompt.name, *other_names)))


def _new(actor: Actor, fields: PromptFields) -> Prompt:
    at = now()
    return Prompt(
        workspace_id=actor.workspace_id,
        id=new_id(),
        name=fields.name,
        live_name=fields.name,
        title=fields.title or "",
        tags=list(fields.tags or ()),
        head_version=0,
        head_fingerprint=None,
        labels={},
        created_by=author_of(actor),
        created_at=at,
        updated_at=at,
        deleted_at=None,
        is_deleted=False,
        row_version=1,
    )


def _record(session: AsyncSession, actor: Actor, prompt: Prompt, action: str, **detail: JsonValue) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="prompt",
        object_id=prompt.id,
        detail={"name": prompt.name, **detail},
    )
