"""PromptsService on the wire."""

import grpc
from promptsphere.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.errors import InvalidArgument, Violation
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service import changes
from prompt_service.prompts import listing, rows, rules
from prompt_service.prompts.models import Prompt
from prompt_service.versions.models import PromptVersion
from prompt_service.versions.wire import (
    author_to_wire,
    prepared_from_wire,
    timestamp_to_wire,
    version_to_wire,
)

CHANGEABLE = ("name", "title", "tags")

Context = grpc.aio.ServicerContext[object, object]


class PromptsServicer(prompts_pb2_grpc.PromptsServiceServicer):
    """Wire ⇄ domain for prompts."""

    def __init__(self, database: Database, redis: GuardedRedis, signer: CursorSigner) -> None:
        self._database = database
        self._redis = redis
        self._signer = signer

    async def CreatePrompt(  # noqa: N802 - the contract's name
        self, request: prompts_pb2.CreatePromptRequest, context: Context
    ) -> prompts_pb2.CreatePromptResponse:
        """Make a prompt."""
        del context
        actor = current_call().actor
        described = rules.describe(name=request.name, title=request.title, tags=request.tags)
        prepared = await prepared_from_wire(request.version) if request.HasField("version") else None

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.CreatePromptResponse:
            shown = await rules.create(session, actor=actor, described=described, prepared=prepared)
            names.update(shown.names)
            return prompts_pb2.CreatePromptResponse(prompt=prompt_to_wire(shown.prompt, shown.head))

        return await changes.make(self._database, self._redis, prompts_pb2.CreatePromptResponse, unit)

    async def GetPrompt(  # noqa: N802
        self, request: prompts_pb2.GetPromptRequest, context: Context
    ) -> prompts_pb2.GetPromptResponse:
        """One prompt with its head."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> tuple[Prompt, PromptVersion | None]:
            return await rows.find_with_head(session, workspace_id=actor.workspace_id, prompt_id=request.id)

        prompt, head = await self._database.read(unit)
        return prompts_pb2.GetPromptResponse(prompt=prompt_to_wire(prompt, head))

    async def ListPrompts(  # noqa: N802
        self, request: prompts_pb2.ListPromptsRequest, context: Context
    ) -> prompts_pb2.ListPromptsResponse:
        """A page of prompts."""
        del context
        actor = current_call().actor
        filters = listing.Filters(
            tag=request.tag,
            folder=request.folder,
            label=request.label,
            author=request.author,
            deleted=request.deleted,
        )

        async def unit(session: AsyncSession) -> prompts_pb2.ListPromptsResponse:
            page = await listing.page(
                session,
                workspace_id=actor.workspace_id,
                filters=filters,
                signer=self._signer,
                limit=request.limit,
                cursor=request.cursor,
            )
            return prompts_pb2.ListPromptsResponse(
                items=[prompt_to_wire(prompt, None) for prompt in page.items], next_cursor=page.next_cursor
            )

        return await self._database.read(unit)

    async def UpdatePrompt(  # noqa: N802
        self, request: prompts_pb2.UpdatePromptRequest, context: Context
    ) -> prompts_pb2.UpdatePromptResponse:
        """Change name, title or tags."""
        del context
        call = current_call()
        described = _described(request)

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.UpdatePromptResponse:
            shown = await rules.update(
                session,
                actor=call.actor,
                prompt_id=request.prompt.id,
                described=described,
                if_match=call.if_match,
            )
            names.update(shown.names)
            return prompts_pb2.UpdatePromptResponse(prompt=prompt_to_wire(shown.prompt, shown.head))

        return await changes.make(self._database, self._redis, prompts_pb2.UpdatePromptResponse, unit)

    async def DeletePrompt(  # noqa: N802
        self, request: prompts_pb2.DeletePromptRequest, context: Context
    ) -> prompts_pb2.DeletePromptResponse:
        """Put a prompt into the recycle bin."""
        del context
        call = current_call()

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.DeletePromptResponse:
            name = await rules.delete(session, actor=call.actor, prompt_id=request.id, if_match=call.if_match)
            names.add(name)
            return prompts_pb2.DeletePromptResponse()

        return await changes.make(self._database, self._redis, prompts_pb2.DeletePromptResponse, unit)

    async def RestorePrompt(  # noqa: N802
        self, request: prompts_pb2.RestorePromptRequest, context: Context
    ) -> prompts_pb2.RestorePromptResponse:
        """Take a prompt out of the recycle bin."""
        del context
        call = current_call()
        described = rules.describe(name=request.name or None)

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.RestorePromptResponse:
            shown = await rules.restore(
                session,
                actor=call.actor,
                prompt_id=request.id,
                described=described,
                if_match=call.if_match,
            )
            names.update(shown.names)
            return prompts_pb2.RestorePromptResponse(prompt=prompt_to_wire(shown.prompt, shown.head))

        return await changes.make(self._database, self._redis, prompts_pb2.RestorePromptResponse, unit)


def prompt_to_wire(prompt: Prompt, head: PromptVersion | None) -> prompts_pb2.Prompt:
    """A prompt as it travels, with its head when that is given."""
    return prompts_pb2.Prompt(
        id=prompt.id,
        name=prompt.name,
        title=prompt.title,
        tags=prompt.tag_list,
        head_version=prompt.head_version,
        labels=prompt.label_map,
        created_by=author_to_wire(prompt.created_by),
        created_at=timestamp_to_wire(prompt.created_at),
        updated_at=timestamp_to_wire(prompt.updated_at),
        deleted_at=None if prompt.deleted_at is None else timestamp_to_wire(prompt.deleted_at),
        row_version=prompt.row_version,
        version=None if head is None else version_to_wire(head),
    )


def _described(request: prompts_pb2.UpdatePromptRequest) -> rules.Described:
    wanted = set(request.update_mask.paths)
    unknown = sorted(wanted.difference(CHANGEABLE))
    if unknown:
        problem = f"Only {', '.join(CHANGEABLE)} can be changed."
        raise InvalidArgument(problem, violations=[Violation(f"/{path}", problem) for path in unknown])
    prompt = request.prompt
    return rules.describe(
        name=prompt.name if "name" in wanted else None,
        title=prompt.title if "title" in wanted else None,
        tags=prompt.tags if "tags" in wanted else None,
    )
