"""VersionsService on the wire, and the wire form of versions for the other servicers."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.prompt.v1 import versions_pb2, versions_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.errors import InvalidArgument, Violation
from servicekit.redis import GuardedRedis
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service import changes
from prompt_service.authors import Author
from prompt_service.rendering import rules as rendering
from prompt_service.versions import listing, rules
from prompt_service.versions.domain import Body, Draft, Message, Origin, Prepared, Variable
from prompt_service.versions.drafts import prepare
from prompt_service.versions.models import PromptVersion

T = TypeVar("T")

# Below this size the work takes less than handing it to a thread does harm.
THREAD_FROM_BYTES = 32 * 1024

Context = grpc.aio.ServicerContext[object, object]


class VersionsServicer(versions_pb2_grpc.VersionsServiceServicer):
    """Wire ⇄ domain for versions and rendering."""

    def __init__(self, database: Database, redis: GuardedRedis, signer: CursorSigner) -> None:
        self._database = database
        self._redis = redis
        self._signer = signer

    async def CreateVersion(  # noqa: N802 - the contract's name
        self, request: versions_pb2.CreateVersionRequest, context: Context
    ) -> versions_pb2.CreateVersionResponse:
        """Store a version."""
        del context
        call = current_call()
        prepared = await prepared_from_wire(request.version)

        async def unit(session: AsyncSession, names: set[str]) -> versions_pb2.CreateVersionResponse:
            stored = await rules.create(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                prepared=prepared,
                if_match=call.if_match,
            )
            names.update({stored.prompt_name} if stored.is_new else ())
            return versions_pb2.CreateVersionResponse(
                version=version_to_wire(stored.version), deduplicated=not stored.is_new
            )

        return await changes.make(self._database, self._redis, versions_pb2.CreateVersionResponse, unit)

    async def GetVersion(  # noqa: N802
        self, request: versions_pb2.GetVersionRequest, context: Context
    ) -> versions_pb2.GetVersionResponse:
        """One version."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> PromptVersion:
            return await rules.get(
                session,
                workspace_id=actor.workspace_id,
                prompt_id=request.prompt_id,
                number=request.number,
            )

        version = await self._database.read(unit)
        return versions_pb2.GetVersionResponse(version=version_to_wire(version))

    async def ListVersions(  # noqa: N802
        self, request: versions_pb2.ListVersionsRequest, context: Context
    ) -> versions_pb2.ListVersionsResponse:
        """A page of versions."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> versions_pb2.ListVersionsResponse:
            page = await listing.page(
                session,
                workspace_id=actor.workspace_id,
                prompt_id=request.prompt_id,
                signer=self._signer,
                limit=request.limit,
                cursor=request.cursor,
            )
            return versions_pb2.ListVersionsResponse(
                items=[version_to_wire(version) for version in page.items], next_cursor=page.next_cursor
            )

        return await self._database.read(unit)

    async def RollbackPrompt(  # noqa: N802
        self, request: versions_pb2.RollbackPromptRequest, context: Context
    ) -> versions_pb2.RollbackPromptResponse:
        """An earlier version's content as a new version."""
        del context
        call = current_call()

        async def unit(session: AsyncSession, names: set[str]) -> versions_pb2.RollbackPromptResponse:
            stored = await rules.rollback(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                number=request.version,
                if_match=call.if_match,
            )
            names.update({stored.prompt_name} if stored.is_new else ())
            return versions_pb2.RollbackPromptResponse(
                version=version_to_wire(stored.version), deduplicated=not stored.is_new
            )

        return await changes.make(self._database, self._redis, versions_pb2.RollbackPromptResponse, unit)

    async def RenderPrompt(  # noqa: N802
        self, request: versions_pb2.RenderPromptRequest, context: Context
    ) -> versions_pb2.RenderPromptResponse:
        """A version with its variables filled in."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> PromptVersion:
            return await rules.choose(
                session,
                workspace_id=actor.workspace_id,
                prompt_id=request.prompt_id,
                number=request.version,
                label=request.label,
            )

        version = await self._database.read(unit)
        values_json = request.variables_json

        def render() -> rendering.Rendered:
            values = rendering.parse_values(values_json)
            return rendering.render(version.body, version.variable_list, values)

        rendered = await _off_loop(render, size=version.stored_bytes + len(values_json))
        response = versions_pb2.RenderPromptResponse(version=version.number, warnings=rendered.warnings)
        _set_body(response, rendered.body)
        return response


async def prepared_from_wire(draft: versions_pb2.VersionDraft) -> Prepared:
    """The checked draft.

    Raises:
        InvalidArgument: with a violation for each field that breaks a rule.
    """
    return await _off_loop(lambda: prepare(_draft_from_wire(draft)), size=draft.ByteSize())


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
        created_at=timestamp_to_wire(version.created_at),
        content_sha256=version.content_sha256.hex(),
    )
    _set_body(message, version.body)
    return message


def author_to_wire(author: Author) -> versions_pb2.Author:
    """An author as it travels."""
    return versions_pb2.Author(type=author.kind, id=author.id, name=author.name)


def timestamp_to_wire(at: datetime) -> Timestamp:
    """A moment as it travels."""
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


async def _off_loop(work: Callable[[], T], *, size: int) -> T:
    return work() if size < THREAD_FROM_BYTES else await asyncio.to_thread(work)


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


def _set_body(message: versions_pb2.Version | versions_pb2.RenderPromptResponse, body: Body) -> None:
    if isinstance(body, str):
        message.content = body
        return
    message.messages.items.extend(versions_pb2.Message(role=item.role, content=item.content) for item in body)
