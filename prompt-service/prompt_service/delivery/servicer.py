"""DeliveryService on the wire."""

import grpc
from promptsphere.prompt.v1 import delivery_pb2, delivery_pb2_grpc
from servicekit.db import Database
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_service.delivery import rules
from prompt_service.versions.wire import version_to_wire

Context = grpc.aio.ServicerContext[object, object]


class DeliveryServicer(delivery_pb2_grpc.DeliveryServiceServicer):
    """Wire ⇄ domain for delivery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetDelivery(  # noqa: N802 - the contract's name
        self, request: delivery_pb2.GetDeliveryRequest, context: Context
    ) -> delivery_pb2.GetDeliveryResponse:
        """The version behind a name and a label or number."""
        del context
        actor = current_call().actor

        async def unit(session: AsyncSession) -> rules.Delivered:
            return await rules.find(
                session,
                workspace_id=actor.workspace_id,
                name=request.name,
                label=request.label,
                number=request.version,
            )

        delivered = await self._database.read(unit)
        return delivery_pb2.GetDeliveryResponse(
            name=request.name, version=version_to_wire(delivered.version), label=delivered.label
        )
