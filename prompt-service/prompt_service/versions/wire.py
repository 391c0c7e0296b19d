"""Versions as they travel, and what of them the other nouns' messages hold."""

from functools import partial

from promptsphere.prompt.v1 import versions_pb2
from servicekit.errors import InvalidArgument, Violation
from servicekit.rpc import timestamps
from servicekit.workers.pool import WorkerPool

from prompt_service import offload
from prompt_service.authors import Author
from prompt_service.rendering.bodies import Body, Message
from prompt_service.rendering.variables import Variable
from prompt_service.versions.drafts import Draft, NewVersion, Origin, check_draft
from prompt_service.versions.models import PromptVersion


async def new_version_from_wire(draft: versions_pb2.VersionDraft, *, pool: WorkerPool, tenant: str) -> NewVersion:
    """The checked draft.

    Raises:
        InvalidArgument: with a violation for each field that breaks a rule.
    """
    work = partial(check_draft, _draft_from_wire(draft))
    return await offload.off_loop(pool, work, tenant=tenant, size_bytes=draft.ByteSize())


def version_to_wire(version: PromptVersion) -> versions_pb2.Version:
    """A stored version as it travels."""
    message = versions_pb2.Version(
        number=version.number,
        variables=[_variable_to_wire(variable) for variable in version.variable_list],
        model_settings_json=version.model_settings_json,
        author=author_to_wire(version.author),
        origin=versions_pb2.Origin.Value(f"ORIGIN_{version.origin.upper()}"),
        parent=version.parent,
        run_id=version.run_id or "",
        commit_message=version.commit_message,
        created_at=timestamps.to_wire(version.created_at),
        content_sha256=version.content_sha256.hex(),
    )
    set_body(message, version.body)
    return message


def author_to_wire(author: Author) -> versions_pb2.Author:
    """An author as it travels."""
    return versions_pb2.Author(type=author.kind, id=author.id, name=author.name)


def _draft_from_wire(draft: versions_pb2.VersionDraft) -> Draft:
    body: Body | None = None
    match draft.WhichOneof("body"):
        case "content":
            body = draft.content
        case "messages":
            body = tuple(Message(message.role, message.content) for message in draft.messages.items)
    return Draft(
        body=body,
        variables=tuple(_variable_from_wire(variable) for variable in draft.variables),
        model_settings_json=draft.model_settings_json,
        commit_message=draft.commit_message,
        parent=draft.parent,
        origin=_origin_from_wire(draft.origin),
        run_id=draft.run_id or None,
    )


def _origin_from_wire(origin: versions_pb2.Origin.ValueType) -> Origin:
    if origin == versions_pb2.ORIGIN_UNSPECIFIED:
        return Origin.HUMAN
    if origin not in versions_pb2.Origin.values():
        problem = "This origin is not known here."
        raise InvalidArgument(problem, violations=[Violation("/origin", problem)])
    return Origin(versions_pb2.Origin.Name(origin).removeprefix("ORIGIN_").lower())


def _variable_from_wire(variable: versions_pb2.Variable) -> Variable:
    return Variable(
        name=variable.name,
        type=variable.type or "string",
        required=variable.required,
        default_json=variable.default_json,
        title=variable.title,
        description=variable.description,
        max_chars=variable.max_chars,
        example_json=variable.example_json,
        options=tuple(variable.options),
    )


def _variable_to_wire(variable: Variable) -> versions_pb2.Variable:
    return versions_pb2.Variable(
        name=variable.name,
        type=variable.type,
        required=variable.required,
        default_json=variable.default_json,
        title=variable.title,
        description=variable.description,
        max_chars=variable.max_chars,
        example_json=variable.example_json,
        options=variable.options,
    )


def set_body(message: versions_pb2.Version | versions_pb2.RenderPromptResponse, body: Body) -> None:
    """Put a text or messages into a message that has either."""
    if isinstance(body, str):
        message.content = body
        return
    message.messages.items.extend(versions_pb2.Message(role=item.role, content=item.content) for item in body)
