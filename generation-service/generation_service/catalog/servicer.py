"""Models on the wire."""

from decimal import Decimal
from typing import Any

import grpc
from promptsphere.generation.v1 import models_pb2, models_pb2_grpc

from generation_service.catalog.rules import Catalog, CatalogEntry


class ModelsServicer(models_pb2_grpc.ModelsServiceServicer):
    """Serves `ModelsService`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: models_pb2.ListModelsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> models_pb2.ListModelsResponse:
        """The models of the engines that are switched on."""
        del request, context
        return models_pb2.ListModelsResponse(items=[_model(one) for one in self._catalog.entries()])


def _model(entry: CatalogEntry) -> models_pb2.Model:
    return models_pb2.Model(
        id=entry.id,
        engine=entry.engine,
        context_tokens=entry.context_tokens,
        structured_output=entry.has_structured_output,
        input_price=_price(entry.input_price),
        output_price=_price(entry.output_price),
        is_default=entry.is_default,
    )


def _price(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"
