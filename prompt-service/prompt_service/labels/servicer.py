"""LabelsService on the wire."""

import grpc
from promptsphere.prompt.v1 import labels_pb2, labels_pb2_grpc
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service import changes
from prompt_service.labels import rules
from prompt_service.labels.models import Label
from prompt_service.labels.wire import event_to_wire, label_to_wire

Context = grpc.aio.ServicerContext[object, object]


class LabelsServicer(labels_pb2_grpc.LabelsServiceServicer):
    """Wire ⇄ domain for labels."""

    def __init__(self, database: Database, redis: GuardedRedis, signer: CursorSigner) -> None:
        self._database = database
        self._redis = redis
        self._signer = signer

    async def ListLabels(  # noqa: N802 - the contract's name
        self, request: labels_pb2.ListLabelsRequest, context: Context
    ) -> labels_pb2.ListLabelsResponse:
        """All labels of a prompt."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> list[Label]:
            return await rules.labels_of(session, workspace_id=actor.workspace_id, prompt_id=request.prompt_id)

        labels = await self._database.read(unit)
        return labels_pb2.ListLabelsResponse(items=[label_to_wire(label) for label in labels])

    async def SetLabel(  # noqa: N802
        self, request: labels_pb2.SetLabelRequest, context: Context
    ) -> labels_pb2.SetLabelResponse:
        """Point a label at a version."""
        del context
        call = current_call()

        async def unit(session: AsyncSession, names: set[str]) -> labels_pb2.SetLabelResponse:
            result = await rules.put(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                name=request.label,
                version=request.version,
                reason=request.reason,
                if_match=call.if_match,
            )
            names.update({result.prompt_name} if result.has_moved else ())
            return labels_pb2.SetLabelResponse(label=label_to_wire(result.label))

        return await changes.make(self._database, self._redis, labels_pb2.SetLabelResponse, unit)

    async def DeleteLabel(  # noqa: N802
        self, request: labels_pb2.DeleteLabelRequest, context: Context
    ) -> labels_pb2.DeleteLabelResponse:
        """Take a label away."""
        del context
        call = current_call()

        async def unit(session: AsyncSession, names: set[str]) -> labels_pb2.DeleteLabelResponse:
            name = await rules.remove(
                session,
                actor=call.actor,
                prompt_id=request.prompt_id,
                name=request.label,
                reason=request.reason,
                if_match=call.if_match,
            )
            names.add(name)
            return labels_pb2.DeleteLabelResponse()

        return await changes.make(self._database, self._redis, labels_pb2.DeleteLabelResponse, unit)

    async def ListLabelEvents(  # noqa: N802
        self, request: labels_pb2.ListLabelEventsRequest, context: Context
    ) -> labels_pb2.ListLabelEventsResponse:
        """A page of a label's history."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> labels_pb2.ListLabelEventsResponse:
            page = await rules.history(
                session,
                workspace_id=actor.workspace_id,
                prompt_id=request.prompt_id,
                name=request.label,
                signer=self._signer,
                limit=request.limit,
                cursor=request.cursor,
            )
            return labels_pb2.ListLabelEventsResponse(
                items=[event_to_wire(event) for event in page.items], next_cursor=page.next_cursor
            )

        return await self._database.read(unit)
