"""Prompts: made, described, put into the recycle bin and taken out of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.db.schema import now
from servicekit.errors import FailedPrecondition, Violation
from servicekit.ids import new_id
from servicekit.json_types import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.authors import author_of
from prompt_service.prompts import facets, rows
from prompt_service.prompts.models import Prompt
from prompt_service.prompts.names import problem_of_name
from prompt_service.texts import MAX_TITLE_CHARS, check_text, refuse
from prompt_service.versions import rules as versions
from prompt_service.versions.domain import Prepared
from prompt_service.versions.models import PromptVersion

MAX_TAGS = 32
MAX_GIVEN_TAGS = 100
"""Some may be given twice."""
MAX_TAG_CHARS = 64


@dataclass(frozen=True, slots=True)
class Described:
    """Name, title and tags that keep the rules; None where nothing was given."""

    name: str | None = None
    title: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt with its head, and the names under which deliveries of it may have been kept."""

    prompt: Prompt
    head: PromptVersion | None
    names: frozenset[str]


def describe(*, name: str | None = None, title: str | None = None, tags: Sequence[str] | None = None) -> Described:
    """Check what is given; tags are trimmed and count once, in order.

    Raises:
        InvalidArgument: with a violation for each field that breaks a rule.
    """
    violations: list[Violation] = []
    if name is not None:
        problem = problem_of_name(name)
        if problem:
            violations.append(Violation("/name", problem))
    if title is not None:
        title = check_text(title, "/title", violations, max_chars=MAX_TITLE_CHARS)
    kept = None if tags is None else _checked_tags(tags, violations)
    refuse(violations)
    return Described(name, title, kept)


async def create(session: AsyncSession, *, actor: Actor, described: Described, prepared: Prepared | None) -> Shown:
    """Make a prompt, with its first version when there is one.

    Asked again for the same name with the same run's result, it gives the prompt that is there.

    Raises:
        AlreadyExists: `name_taken`, or `run_stored` when the run's result is a version of another prompt.
        InvalidArgument: a first version cannot have a parent.
    """
    name = described.name or ""
    if prepared is not None and prepared.run_id is not None:
        earlier = await versions.find_by_run(session, workspace_id=actor.workspace_id, run_id=prepared.run_id)
        if earlier is not None:
            prompt = await rows.find(session, workspace_id=actor.workspace_id, prompt_id=earlier.prompt_id)
            if prompt.live_name != name:
                raise versions.run_stored(earlier)
            return await _shown(session, prompt)
    prompt = _new(actor, described)
    version = None
    if prepared is not None:
        versions.check_parent(prompt, prepared.parent)
        version = versions.append(prompt, prepared, author=author_of(actor), at=prompt.created_at)
    session.add(prompt)
    await rows.flush_name(session, name)
    if version is not None:
        session.add(version)
        await versions.flush_run(session)
    await facets.add(session, prompt)
    _record(session, actor, prompt, "prompt.create", head_version=prompt.head_version)
    return Shown(prompt, version, frozenset((name,)))


async def update(
    session: AsyncSession, *, actor: Actor, prompt_id: str, described: Described, if_match: int | None
) -> Shown:
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
    prompt = await rows.lock_living(session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match)
    old_name = prompt.name
    changed = _apply(prompt, described)
    if not changed:
        return await _shown(session, prompt)
    rows.touch(prompt)
    await rows.flush_name(session, prompt.name)
    if "title" not in changed or len(changed) > 1:
        await facets.replace_described(session, prompt)
    _record(session, actor, prompt, "prompt.update", changed=[*changed], old_name=old_name)
    return await _shown(session, prompt, old_name)


async def delete(session: AsyncSession, *, actor: Actor, prompt_id: str, if_match: int | None) -> str:
    """Put the prompt into the recycle bin; its name is free from then on. Gives the name.

    Its labels stay with it: nothing is delivered by them until it is restored.

    Raises:
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: `stale`, when `if_match` is not the row version.
    """
    prompt = await rows.lock_living(session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match)
    rows.touch(prompt)
    prompt.deleted_at = prompt.updated_at
    prompt.is_deleted = True
    prompt.live_name = None
    await session.flush()
    await facets.move(session, prompt)
    _record(session, actor, prompt, "prompt.delete")
    return prompt.name


async def restore(
    session: AsyncSession, *, actor: Actor, prompt_id: str, described: Described, if_match: int | None
) -> Shown:
    """Take the prompt out of the recycle bin, under the name in `described` when there is one.

    A living prompt is given as it is.

    Raises:
        NotFound: no such prompt.
        Aborted: `stale`, when `if_match` is not the row version.
        AlreadyExists: `name_taken` meanwhile; restore it under another name.
        InvalidArgument: another name was given for a prompt that is not in the recycle bin.
    """
    prompt = await rows.lock(session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match)
    name = described.name or prompt.name
    if not prompt.is_deleted:
        if name != prompt.name:
            refuse([Violation("/name", "This prompt is not in the recycle bin; rename it instead.")])
        return await _shown(session, prompt)
    old_name = prompt.name
    rows.touch(prompt)
    prompt.deleted_at = None
    prompt.is_deleted = False
    prompt.name = prompt.live_name = name
    await rows.flush_name(session, name)
    await facets.move(session, prompt)
    if name != old_name:
        await facets.replace_described(session, prompt)
    _record(session, actor, prompt, "prompt.restore", old_name=old_name)
    return await _shown(session, prompt)


async def _shown(session: AsyncSession, prompt: Prompt, *other_names: str) -> Shown:
    head = None
    if prompt.head_version:
        head = await versions.get(
            session, workspace_id=prompt.workspace_id, prompt_id=prompt.id, number=prompt.head_version
        )
    return Shown(prompt, head, frozenset((prompt.name, *other_names)))


def _new(actor: Actor, described: Described) -> Prompt:
    author = author_of(actor)
    at = now()
    return Prompt(
        workspace_id=actor.workspace_id,
        id=new_id(),
        name=described.name,
        live_name=described.name,
        title=described.title or "",
        tags=list(described.tags or ()),
        head_version=0,
        head_fingerprint=None,
        labels={},
        created_by_kind=author.kind,
        created_by_id=author.id,
        created_by_name=author.name,
        created_at=at,
        updated_at=at,
        deleted_at=None,
        is_deleted=False,
        row_version=1,
    )


def _apply(prompt: Prompt, described: Described) -> list[str]:
    changed = []
    if described.name is not None and described.name != prompt.name:
        prompt.name = prompt.live_name = described.name
        changed.append("name")
    if described.title is not None and described.title != prompt.title:
        prompt.title = described.title
        changed.append("title")
    if described.tags is not None and list(described.tags) != prompt.tag_list:
        prompt.tags = list(described.tags)
        changed.append("tags")
    return changed


def _checked_tags(tags: Sequence[str], violations: list[Violation]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    if len(tags) > MAX_GIVEN_TAGS:  # before each of them is looked at
        violations.append(Violation("/tags", f"Use at most {MAX_TAGS} tags; these are {len(tags)}."))
        return ()
    for index, tag in enumerate(tags):
        checked = check_text(tag.strip(), f"/tags/{index}", violations, max_chars=MAX_TAG_CHARS)
        if not checked:
            violations.append(Violation(f"/tags/{index}", "Give the tag a name, or leave it out."))
        kept[checked] = None
    if len(kept) > MAX_TAGS:
        violations.append(Violation("/tags", f"Use at most {MAX_TAGS} tags; these are {len(kept)}."))
    return tuple(kept)


def _record(session: AsyncSession, actor: Actor, prompt: Prompt, action: str, **detail: JsonValue) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="prompt",
        object_id=prompt.id,
        detail={"name": prompt.name, **detail},
    )
