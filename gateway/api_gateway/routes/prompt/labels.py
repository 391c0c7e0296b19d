"""Labels of a prompt: `/api/v1/prompts/{id}/labels*`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from promptsphere.prompt.v1 import labels_pb2
from pydantic import Field
from starlette.responses import Response

from api_gateway.edge.dependencies import ForgetDelivered, UsesBackends
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.prompt.shapes import VersionNumber
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, PAGED, WITH_BODY, problems
from api_gateway.routes.shapes import (
    TIME_EXAMPLE,
    UUID_EXAMPLE,
    Answer,
    Author,
    Body,
    Cursor,
    LabelName,
    Limit,
    Note,
    PathId,
    page_of,
)
from api_gateway.routes.wire import author_json, json_response, page_response, time_text

PathLabel = Annotated[LabelName, Path(examples=["production"])]

router = APIRouter(prefix="/api/v1/prompts/{id}/labels", tags=["labels"], route_class=AuthenticatedRoute)


class LabelBody(Body):
    """Where the label is to point."""

    version: VersionNumber = Field(examples=[3])
    reason: Note = Field("", examples=["passed the review"])


class Label(Answer):
    """A pointer to a version."""

    label: str = Field(examples=["production"])
    version: int = Field(examples=[3])
    updated_by: Author
    updated_at: str = Field(examples=[TIME_EXAMPLE])


class LabelEvent(Answer):
    """One move of a label."""

    id: str = Field(examples=[UUID_EXAMPLE])
    action: Literal["set", "moved", "removed"]
    from_version: int | None
    to_version: int | None
    actor: Author
    reason: str
    created_at: str = Field(examples=[TIME_EXAMPLE])


LabelPage = page_of(Label, "LabelPage")
LabelEventPage = page_of(LabelEvent, "LabelEventPage")


@router.get("", response_model=LabelPage, responses=problems(*AUTHENTICATED, *BY_ID))
async def list_labels(id: PathId, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """A prompt's labels, by name."""
    answer = await backends.labels.ListLabels(labels_pb2.ListLabelsRequest(prompt_id=id))
    return page_response(answer.items, _label_json)


@router.put(
    "/{label}",
    response_model=Label,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_ID, "deleted", "label_protected", "stale"),
)
async def set_label(
    id: PathId,  # noqa: A002 - the path's own name
    label: PathLabel,
    body: LabelBody,
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
) -> Response:
    """Point a label at a version."""
    request = labels_pb2.SetLabelRequest(prompt_id=id, label=label, version=body.version, reason=body.reason)
    answer = await backends.labels.SetLabel(request)
    forget_delivered()
    return json_response(_label_json(answer.label), headers={"ETag": etag(answer.label.row_version)})


@router.delete(
    "/{label}",
    status_code=204,
    responses=problems(*AUTHENTICATED, *BY_ID, "deleted", "invalid_request", "label_protected", "stale"),
)
async def delete_label(
    id: PathId,  # noqa: A002 - the path's own name
    label: PathLabel,
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
    reason: Annotated[Note, Query(description="Why; kept in the history.")] = "",
) -> Response:
    """Take a label away."""
    await backends.labels.DeleteLabel(labels_pb2.DeleteLabelRequest(prompt_id=id, label=label, reason=reason))
    forget_delivered()
    return Response(status_code=204)


@router.get(
    "/{label}/history",
    response_model=LabelEventPage,
    responses=problems(*AUTHENTICATED, *BY_ID, *PAGED),
)
async def list_label_events(
    id: PathId,  # noqa: A002 - the path's own name
    label: PathLabel,
    backends: UsesBackends,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response:
    """What happened to a label, newest first; also after it was removed."""
    answer = await backends.labels.ListLabelEvents(
        labels_pb2.ListLabelEventsRequest(prompt_id=id, label=label, limit=limit, cursor=cursor),
    )
    return page_response(answer.items, _event_json, answer.next_cursor)


def _label_json(label: labels_pb2.Label) -> dict[str, Any]:
    return {
        "label": label.label,
        "version": label.version,
        "updated_by": author_json(label.updated_by),
        "updated_at": time_text(label.updated_at),
    }


def _event_json(event: labels_pb2.LabelEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "action": event.action,
        "from_version": event.from_version or None,
        "to_version": event.to_version or None,
        "actor": author_json(event.actor),
        "reason": event.reason,
        "created_at": time_text(event.created_at),
    }
