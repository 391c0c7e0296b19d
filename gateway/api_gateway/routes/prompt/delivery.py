"""What applications call all day: a prompt by its name, `/api/v1/delivery/{name}`."""

from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Path, Query, Request
from promptsphere.prompt.v1 import delivery_pb2
from pydantic import Field, JsonValue
from servicekit.errors import InvalidArgument, PermissionDenied, Violation
from starlette.responses import Response

from api_gateway.delivery_cache import Delivered
from api_gateway.edge.authentication import Principal
from api_gateway.edge.dependencies import Edge, UsesEdge, UsesPrincipal
from api_gateway.edge.etags import is_not_modified
from api_gateway.edge.route import UnlimitedRoute
from api_gateway.routes.prompt.shapes import Message, Variable
from api_gateway.routes.prompt.wire import body_json, variable_json
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, problems
from api_gateway.routes.shapes import SHA256_EXAMPLE, Answer, AnyLabel, PromptName
from api_gateway.routes.wire import JSON, embedded

CACHE_CONTROL: Final = "private, no-cache"
SCOPES: Final = frozenset({"deliver", "read"})

router = APIRouter(prefix="/api/v1/delivery", tags=["delivery"], route_class=UnlimitedRoute)


class Delivery(Answer):
    """A prompt as an application uses it; `{{ }}` are left for the application or for `render`."""

    name: str = Field(examples=["support/faq-agent"])
    version: int = Field(examples=[3])
    label: str | None = Field(examples=["production"])
    content: str | None = Field(None, examples=["你是一名客服专家。请回答：{{ question }}"])
    messages: list[Message] | None = None
    variables: list[Variable]
    model_settings: dict[str, JsonValue] | None
    content_sha256: str = Field(examples=[SHA256_EXAMPLE])


@router.get(
    "/{name:path}",
    response_model=Delivery,
    responses=problems(
        *AUTHENTICATED,
        *BY_ID,
        "invalid_request",
        also={304: {"description": "What `If-None-Match` names is still what is delivered."}},
    ),
)
async def deliver(
    name: Annotated[PromptName, Path(examples=["support/faq-agent"])],
    request: Request,
    edge: UsesEdge,
    principal: UsesPrincipal,
    label: Annotated[AnyLabel | None, Query(description="`production` when left out.")] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="A number instead of a label.")] = None,
    raw: Annotated[bool, Query(description="Leave references to other prompts as they are.")] = False,  # noqa: FBT002, ARG001
) -> Response:
    """The version that a name and a label (or a number) stand for now."""
    _check_scope(principal)
    delivered = await _delivered(edge, principal, name, label, version)
    headers = {"ETag": delivered.etag, "Cache-Control": CACHE_CONTROL, "Vary": "Authorization"}
    if is_not_modified(request, delivered.etag):
        return Response(status_code=304, headers=headers)
    return Response(delivered.body, media_type=JSON, headers=headers)


def _check_scope(principal: Principal) -> None:
    """The service checks it as well; here it guards what is answered from memory."""
    scopes = principal.actor.scopes
    if scopes is not None and not scopes & SCOPES:
        raise PermissionDenied(
            "This API key lacks the scope deliver or read.",
            reason="scope_missing",
            metadata={"needed": "deliver or read"},
        )


async def _delivered(
    edge: Edge,
    principal: Principal,
    name: str,
    label: str | None,
    version: int | None,
) -> Delivered:
    if label is not None and version is not None:
        raise InvalidArgument(
            "Ask by label or by version, not both.",
            violations=[Violation("/query/version", "leave out when there is a label")],
        )
    selector = f"version {version}" if version is not None else f"label {label or 'production'}"
    key = (principal.actor.workspace_id, name, selector)

    async def load() -> bytes:
        answer = await edge.backends.delivery.GetDelivery(
            delivery_pb2.GetDeliveryRequest(name=name, label=label or "", version=version or 0),
        )
        return orjson.dumps(_delivery_json(answer))

    return edge.delivery.held(key) or await edge.delivery.read(key, load)


def _delivery_json(answer: delivery_pb2.GetDeliveryResponse) -> dict[str, object]:
    version = answer.version
    head = {"name": answer.name, "version": version.number, "label": answer.label or None}
    return (
        head
        | body_json(version)
        | {
            "variables": [variable_json(one) for one in version.variables],
            "model_settings": embedded(version.model_settings_json),
            "content_sha256": version.content_sha256,
        }
    )
