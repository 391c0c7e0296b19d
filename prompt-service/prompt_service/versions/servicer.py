"""VersionsService on the wire."""

from functools import partial

import grpc
from promptsphere.prompt.v1 import versions_pb2, versions_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.call import current_call
from servicekit.workers.pool import WorkerPool
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service import changes, offload
from prompt_service.rendering import rules as rendering
from prompt_service.versions import listing, rules
from prompt_service.versions.models import PromptVersion
from prompt_service.versions.wire import new_version_from_wire, set_body, version_to_wire

Context = grpc.aio.ServicerContext[object, object]


class VersionsServicer(versions_pb2_grpc.VersionsServiceServicer):
    """Wire ⇄ domain for versions and rendering."""

    def __init__(self, database: Database, redis: GuardedRedis, signer: CursorSigner, pool: WorkerPool) -> None:
        self._database = database
        self._redis = redis
        self._signer = signer
        self._pool = pool

    async def CreateVersion(  # noqa: N802 - the contract's name
        self, request: versions_pb2.CreateVersionRequest, context: Context
    ) -> versions_pb2.CreateVersionResponse:
        """Store a version."""
        del context
        call = current_call()
        new = await new_version_from_wire(request.version, pool=self._pool, tenant=call.actor.workspace_id)

        async def unit(session: AsyncSession, names: set[str]) -> versions_pb2.CreateVersionResponse:
            result = await rules.create(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                new=new,
                if_match=call.if_match,
            )
            names.update({result.prompt_name} if result.is_new else ())
            return versions_pb2.CreateVersionResponse(
                version=version_to_wire(result.version), deduplicated=not result.is_new
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
            result = await rules.rollback(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                number=request.version,
                if_match=call.if_match,
            )
            names.update({result.prompt_name} if result.is_new else ())
            return versions_pb2.RollbackPromptResponse(
                version=version_to_wire(result.version), deduplicated=not result.is_new
            )

        return await changes.make(self._database, self._redis, versions_pb2.RollbackPromptResponse, unit)

    async def RenderPrompt(  # noqa: N802
        self, request: versions_pb2.RenderPromptRequest, context: Context
    ) -> versions_pb2.RenderPromptResponse:
        """A version with its variables filled in."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> PromptVersion:
            return await rules.resolve(
                session,
                workspace_id=actor.workspace_id,
                prompt_id=request.prompt_id,
                number=request.version,
                label=request.label,
            )

        version = await self._database.read(unit)
        values_json = request.variables_json
        rendered = await offload.off_loop(
            self._pool,
            partial(rendering.render_json, version.body, version.variable_list, values_json),
            tenant=actor.workspace_id,
            size_bytes=version.stored_bytes + len(values_json),
        )
        response = versions_pb2.RenderPromptResponse(version=version.number, warnings=rendered.warnings)
        set_body(response, rendered.body)
        return response
