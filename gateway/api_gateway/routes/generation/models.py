"""The models that runs may use: `/api/v1/models`."""

from typing import Literal

from fastapi import APIRouter
from promptsphere.generation.v1 import models_pb2
from pydantic import Field
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.responses import AUTHENTICATED, problems
from api_gateway.routes.shapes import Answer, page_of
from api_gateway.routes.wire import page_response

router = APIRouter(prefix="/api/v1/models", tags=["models"], route_class=AuthenticatedRoute)


class Model(Answer):
    """A model, or the engine that needs none."""

    id: str = Field(examples=["qwen-plus"])
    engine: Literal["rules", "dashscope"]
    context_tokens: int | None
    structured_output: bool
    input_price: str | None = Field(description="CNY per million tokens, lowest tier.")
    output_price: str | None = Field(description="CNY per million tokens, lowest tier.")
    is_default: bool


ModelPage = page_of(Model, "ModelPage")


@router.get("", response_model=ModelPage, responses=problems(*AUTHENTICATED))
async def list_models(backends: UsesBackends) -> Response:
    """The models of the engines that are switched on, the default first."""
    answer = await backends.models.ListModels(models_pb2.ListModelsRequest())
    return page_response(answer.items, _model_json)


def _model_json(model: models_pb2.Model) -> dict[str, object]:
    return {
        "id": model.id,
        "engine": model.engine,
        "context_tokens": model.context_tokens or None,
        "structured_output": model.structured_output,
        "input_price": model.input_price or None,
        "output_price": model.output_price or None,
        "is_default": model.is_default,
    }
