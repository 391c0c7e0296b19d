"""Versions: numbered 1..n under the prompt's row lock, stored once, never changed."""

from dataclasses import asdict, dataclass
from datetime import datetime

from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.errors import AlreadyExists, InvalidArgument, NotFound, Violation
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.authors import Author, author_of
from prompt_service.prompt_row import rules as prompt_row
from prompt_service.prompt_row.models import Prompt
from prompt_service.prompt_row.names import LATEST
from prompt_service.validation import raise_for_violations
from prompt_service.versions.drafts import NewVersion, Origin
from prompt_service.versions.models import PromptVersion

MAX_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CreateResult:
    """What a create gave: a new version, or the one that was there already."""

    version: PromptVersion
    is_new: bool
    prompt_name: str


async def create(
    session: AsyncSession, *, actor: Actor, prompt_id: str, new: NewVersion, if_match: int | None = None
) -> CreateResult:
    """Store a version; what equals the head is the head, and a run's result is stored once.

    Raises:
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: `stale`, when `if_match` is not the prompt's row version.
        InvalidArgument: the parent does not exist.
        AlreadyExists: `run_stored`, the run's result is a version of another prompt.
    """
    prompt = await prompt_row.lock_living(
        session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match
    )
    if new.run_id is not None:
        earlier = await find_by_run(session, workspace_id=actor.workspace_id, run_id=new.run_id)
        if earlier is not None:
            if earlier.prompt_id != prompt.id:
                raise run_stored(earlier)
            return CreateResult(earlier, is_new=False, prompt_name=prompt.name)
    check_parent(prompt, new.parent)
    if prompt.head_fingerprint == new.fingerprint:
        head = await get(session, workspace_id=actor.workspace_id, prompt_id=prompt.id, number=prompt.head_version)
        return CreateResult(head, is_new=False, prompt_name=prompt.name)
    prompt_row.touch(prompt)
    version = append(prompt, new, author=author_of(actor), at=prompt.updated_at)
    session.add(version)
    await flush_run(session)
    _record(session, actor, version, action="version.create")
    return CreateResult(version, is_new=True, prompt_name=prompt.name)


async def rollback(
    session: AsyncSession, *, actor: Actor, prompt_id: str, number: int, if_match: int | None = None
) -> CreateResult:
    """Store a new version with the content, variables and model settings of an earlier one.

    Raises:
        NotFound: no such prompt.
        FailedPrecondition: `deleted`, it is in the recycle bin.
        Aborted: `stale`, when `if_match` is not the prompt's row version.
        InvalidArgument: there is no such version.
    """
    prompt = await prompt_row.lock_living(
        session, workspace_id=actor.workspace_id, prompt_id=prompt_id, if_match=if_match
    )
    require_version(prompt, number)
    source = await get(session, workspace_id=actor.workspace_id, prompt_id=prompt.id, number=number)
    if prompt.head_fingerprint == source.fingerprint:
        head = source
        if number != prompt.head_version:
            head = await get(session, workspace_id=actor.workspace_id, prompt_id=prompt.id, number=prompt.head_version)
        return CreateResult(head, is_new=False, prompt_name=prompt.name)
    prompt_row.touch(prompt)
    version = append(prompt, _again(source), author=author_of(actor), at=prompt.updated_at)
    session.add(version)
    await session.flush()
    _record(session, actor, version, action="version.rollback")
    return CreateResult(version, is_new=True, prompt_name=prompt.name)


async def get(session: AsyncSession, *, workspace_id: str, prompt_id: str, number: int) -> PromptVersion:
    """That version of a prompt.

    Raises:
        NotFound: there is none with this number.
    """
    query = select(PromptVersion).where(
        PromptVersion.workspace_id == workspace_id,
        PromptVersion.prompt_id == prompt_id,
        PromptVersion.number == number,
    )
    version = await session.scalar(query) if 1 <= number <= MAX_NUMBER else None
    if version is None:
        raise NotFound(f"This prompt has no version {number}.")
    return version


async def resolve(
    session: AsyncSession, *, workspace_id: str, prompt_id: str, number: int = 0, label: str = ""
) -> PromptVersion:
    """The version that a number or a label stands for; neither means the head. The recycle bin counts, too.

    Raises:
        InvalidArgument: number and label at once.
        NotFound: no such prompt, version or label.
    """
    prompt = await prompt_row.find(session, workspace_id=workspace_id, prompt_id=prompt_id)
    if number and label:
        problem = "Give a version or a label, not both."
        raise InvalidArgument(problem, violations=[Violation("/label", problem)])
    if not number:
        number = prompt.head_version
        if not number:
            raise NotFound("This prompt has no version yet.")
        if label and label != LATEST:
            number = prompt.label_map.get(label, 0)
            if not number:
                raise NotFound(f"This prompt has no label {label!r}.")
    return await get(session, workspace_id=workspace_id, prompt_id=prompt.id, number=number)


async def find_by_run(session: AsyncSession, *, workspace_id: str, run_id: str) -> PromptVersion | None:
    """The version in which a run's result is stored, in whichever prompt, if it is."""
    query = select(PromptVersion).where(PromptVersion.workspace_id == workspace_id, PromptVersion.run_id == run_id)
    return await session.scalar(query)


def append(prompt: Prompt, new: NewVersion, *, author: Author, at: datetime) -> PromptVersion:
    """The row of the prompt's next version, its new head. The caller has the row lock, and adds it."""
    parent = new.parent or prompt.head_version
    prompt.head_version += 1
    prompt.head_fingerprint = new.fingerprint
    body = new.body
    return PromptVersion(
        workspace_id=prompt.workspace_id,
        prompt_id=prompt.id,
        number=prompt.head_version,
        content=body if isinstance(body, str) else None,
        messages=None if isinstance(body, str) else [asdict(message) for message in body],
        variables=[asdict(variable) for variable in new.variables],
        model_settings_json=new.model_settings_json,
        commit_message=new.commit_message,
        origin=new.origin.value,
        parent=parent,
        run_id=new.run_id,
        content_sha256=new.content_sha256,
        fingerprint=new.fingerprint,
        stored_bytes=new.stored_bytes,
        author=author,
        created_at=at,
    )


async def flush_run(session: AsyncSession) -> None:
    """Write what is pending; the constraint on runs decides between two prompts that store one at once.

    Raises:
        AlreadyExists: `run_stored`, the other was first.
    """
    try:
        await session.flush()
    except IntegrityError as error:
        if "run_id" not in str(error.orig):
            raise
        raise run_stored(None) from error


def run_stored(earlier: PromptVersion | None) -> AlreadyExists:
    """The run's result is kept elsewhere; `earlier` when it is known where."""
    where = f" as version {earlier.number} of the prompt {earlier.prompt_id}" if earlier else ""
    metadata = {"prompt_id": earlier.prompt_id, "version": str(earlier.number)} if earlier else {}
    return AlreadyExists(
        f"The result of this run is stored already{where}; a run is stored once.",
        reason="run_stored",
        metadata=metadata,
        violations=[Violation("/from_run", "The result of this run is stored already.")],
    )


def check_parent(prompt: Prompt, parent: int) -> None:
    """Numbers are dense, so a parent exists when it is not above the head.

    Raises:
        InvalidArgument: it is.
    """
    if parent > prompt.head_version:
        raise_for_violations(
            [Violation("/parent", f"There is no version {parent}; the newest is {prompt.head_version}.")]
        )


def require_version(prompt: Prompt, number: int) -> None:
    """Likewise for a version that a request speaks of.

    Raises:
        InvalidArgument: the prompt has no such version.
    """
    if not 1 <= number <= prompt.head_version:
        newest = f"the newest is {prompt.head_version}" if prompt.head_version else "there is none yet"
        raise_for_violations([Violation("/version", f"There is no version {number}; {newest}.")])


def _again(source: PromptVersion) -> NewVersion:
    return NewVersion(
        body=source.body,
        variables=source.variable_list,
        model_settings_json=source.model_settings_json,
        commit_message="",
        parent=source.number,
        origin=Origin.ROLLBACK,
        run_id=None,
        content_sha256=source.content_sha256,
        fingerprint=source.fingerprint,
        stored_bytes=source.stored_bytes,
    )


def _record(session: AsyncSession, actor: Actor, version: PromptVersion, *, action: str) -> None:
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="prompt",
        object_id=version.prompt_id,
        detail={
            "version": version.number,
            "parent": version.parent,
            "origin": version.origin,
            "content_sha256": version.content_sha256.hex(),
        },
    )
