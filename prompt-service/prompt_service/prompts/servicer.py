"""PromptsService on the wire."""

import grpc
from promptsphere.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.call import current_call
from servicekit.workers.pool import WorkerPool
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service import changes
from prompt_service.prompts import listing, rules
from prompt_service.prompts.fields import check_fields
from prompt_service.prompts.wire import fields_from_wire, prompt_to_wire
from prompt_service.versions.wire import new_version_from_wire

Context = grpc.aio.ServicerContext[object, object]


class PromptsServicer(prompts_pb2_grpc.PromptsServiceServicer):
    """Wire ⇄ domain for prompts."""

    def __init__(self, database: Database, redis: GuardedRedis, signer: CursorSigner, pool: WorkerPool) -> None:
        self._database = database
        self._redis = redis
        self._signer = signer
        self._pool = pool

    async def CreatePrompt(  # noqa: N802 - the contract's name
        self, request: prompts_pb2.CreatePromptRequest, context: Context
    ) -> prompts_pb2.CreatePromptResponse:
        """Make a prompt."""
        del context
        actor = current_call().actor
        fields = check_fields(name=request.name, title=request.title, tags=request.tags)
        first_version = None
        if request.HasField("version"):
            first_version = await new_version_from_wire(request.version, pool=self._pool, tenant=actor.workspace_id)

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.CreatePromptResponse:
            result = await rules.create(session, actor=actor, fields=fields, first_version=first_version)
            names.update(result.invalidated_names)
            return prompts_pb2.CreatePromptResponse(prompt=prompt_to_wire(result.prompt, result.head))

        return await changes.make(self._database, self._redis, prompts_pb2.CreatePromptResponse, unit)

    async def GetPrompt(  # noqa: N802
        self, request: prompts_pb2.GetPromptRequest, context: Context
    ) -> prompts_pb2.GetPromptResponse:
        """One prompt with its head."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> rules.PromptWithHead:
            return await rules.get(session, workspace_id=actor.workspace_id, prompt_id=request.id)

        result = await self._database.read(unit)
        return prompts_pb2.GetPromptResponse(prompt=prompt_to_wire(result.prompt, result.head))

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
        fields = fields_from_wire(request)

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.UpdatePromptResponse:
            result = await rules.update(
                session,
                actor=call.actor,
                prompt_id=request.prompt.id,
                fields=fields,
                if_match=call.if_match,
            )
            names.update(result.invalidated_names)
            return prompts_pb2.UpdatePromptResponse(prompt=prompt_to_wire(result.prompt, result.head))

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
        fields = check_fields(name=request.name or None)

        async def unit(session: AsyncSession, names: set[str]) -> prompts_pb2.RestorePromptResponse:
            result = await rules.restore(
                session,
                actor=call.actor,
                prompt_id=request.id,
                fields=fields,
                if_match=call.if_match,
            )
            names.update(result.invalidated_names)
            return prompts_pb2.RestorePromptResponse(prompt=prompt_to_wire(result.prompt, result.head))

        return await changes.make(self._database, self._redis, prompts_pb2.RestorePromptResponse, unit)
