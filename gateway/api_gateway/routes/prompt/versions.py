"""Versions of a prompt, going back to one, and rendering: `/api/v1/prompts/{id}/versions*`, `/rollback`, `/render`."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path
from promptsphere.prompt.v1 import versions_pb2
from pydantic import Field, JsonValue
from servicekit.errors import InvalidArgument, Violation
from starlette.responses import Response

from api_gateway.edge.dependencies import ForgetDelivered, UsesBackends
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.prompt.shapes import Draft, Message, Version, VersionNumber
from api_gateway.routes.prompt.wire import body_json, draft_message, version_json
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, BY_KEY, PAGED, WITH_BODY, Responses, problems
from api_gateway.routes.shapes import Answer, AnyLabel, Body, Cursor, Limit, PathId, only_one_of, page_of
from api_gateway.routes.wire import json_response, page_response

router = APIRouter(prefix="/api/v1/prompts/{id}", tags=["versions"], route_class=AuthenticatedRoute)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class VersionBody(Draft):
    """A version to store."""

    model_config = only_one_of(content="string", messages="array", from_run="string")

    parent: VersionNumber | None = Field(None, description="The version it was made from; the head when left out.")


class StoredVersion(Version):
    """What was stored, or what was there already."""

    deduplicated: bool


class RollbackBody(Body):
    """Where to go back to."""

    version: VersionNumber = Field(examples=[1])


class RenderBody(Body):
    """What to render (the head when neither is given), and the values."""

    model_config = only_one_of(version="integer", label="string", or_none={})

    version: VersionNumber | None = None
    label: AnyLabel | None = Field(None, examples=["production"])
    variables: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"question": "怎么退货？"}])


class Rendered(Answer):
    """The filled text."""

    content: str | None = Field(None, examples=["你是一名客服专家。请回答：怎么退货？"])
    messages: list[Message] | None = None
    version: int
    warnings: list[str]


VersionPage = page_of(Version, "VersionPage")
NOTHING_NEW: Final[Responses] = {
    200: {"model": StoredVersion, "description": "Nothing new: the head has this content already."},
}


@router.get(
    "/versions",
    response_model=VersionPage,
    responses=problems(*AUTHENTICATED, *BY_ID, *PAGED),
)
async def list_versions(
    id: PathId,  # noqa: A002 - the path's own name
    backends: UsesBackends,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response:
    """A prompt's versions, newest first."""
    answer = await backends.versions.ListVersions(
        versions_pb2.ListVersionsRequest(prompt_id=id, limit=limit, cursor=cursor),
    )
    return page_response(answer.items, version_json, answer.next_cursor)


@router.post(
    "/versions",
    status_code=201,
    response_model=StoredVersion,
    responses=problems(
        *WITH_BODY,
        *AUTHENTICATED,
        *BY_KEY,
        *BY_ID,
        "deleted",
        "run_not_finished",
        also=NOTHING_NEW,
    ),
)
async def create_version(
    id: PathId,  # noqa: A002 - the path's own name
    body: VersionBody,
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
) -> Response:
    """Store a version; content equal to the head's returns the head."""
    draft = await draft_message(body, backends, parent=body.parent or 0)
    if draft is None:
        raise InvalidArgument(
            "A version needs content, messages or from_run.",
            violations=[Violation("/content", "is required")],
        )
    answer = await backends.versions.CreateVersion(versions_pb2.CreateVersionRequest(prompt_id=id, version=draft))
    forget_delivered()
    return _stored_response(id, answer)


@router.get(
    "/versions/{number}",
    response_model=Version,
    responses=problems(*AUTHENTICATED, *BY_ID),
)
async def get_version(id: PathId, number: Number, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """One version."""
    answer = await backends.versions.GetVersion(versions_pb2.GetVersionRequest(prompt_id=id, number=number))
    # A version never changes, so its number is as good a row version as any.
    return json_response(version_json(answer.version), headers={"ETag": etag(answer.version.number)})


@router.post(
    "/rollback",
    status_code=201,
    response_model=StoredVersion,
    responses=problems(
        *WITH_BODY,
        *AUTHENTICATED,
        *BY_KEY,
        *BY_ID,
        "deleted",
        also=NOTHING_NEW,
    ),
)
async def rollback_prompt(
    id: PathId,  # noqa: A002 - the path's own name
    body: RollbackBody,
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
) -> Response:
    """Make a new version with the content of an earlier one."""
    request = versions_pb2.RollbackPromptRequest(prompt_id=id, version=body.version)
    answer = await backends.versions.RollbackPrompt(request)
    forget_delivered()
    return _stored_response(id, answer)


@router.post(
    "/render",
    response_model=Rendered,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY, *BY_ID, "missing_variables"),
)
async def render_prompt(id: PathId, body: RenderBody, backends: UsesBackends) -> Response:  # noqa: A002
    """Fill in the variables of a version."""
    answer = await backends.versions.RenderPrompt(
        versions_pb2.RenderPromptRequest(
            prompt_id=id,
            version=body.version or 0,
            label=body.label or "",
            variables_json=orjson.dumps(body.variables).decode(),
        ),
    )
    return json_response(body_json(answer) | {"version": answer.version, "warnings": list(answer.warnings)})


def _stored_response(
    prompt_id: str,
    answer: versions_pb2.CreateVersionResponse | versions_pb2.RollbackPromptResponse,
) -> Response:
    number = answer.version.number
    body: dict[str, Any] = version_json(answer.version) | {"deduplicated": answer.deduplicated}
    headers = {"ETag": etag(number), "Location": f"/api/v1/prompts/{prompt_id}/versions/{number}"}
    return json_response(body, status=200 if answer.deduplicated else 201, headers=headers)
