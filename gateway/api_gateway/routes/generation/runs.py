"""Runs and their events: `/api/v1/runs*`."""

from typing import Annotated, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request
from promptsphere.generation.v1 import runs_pb2
from pydantic import Field, JsonValue
from servicekit.errors import InvalidArgument, Violation
from starlette.responses import Response

from api_gateway.edge.dependencies import Edge, UsesBackends, UsesEdge
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.problems.rendering import language_of
from api_gateway.routes.generation.shapes import KindName, Run, RunEvent, RunPage, StateName
from api_gateway.routes.generation.wire import end_data, run_json
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, BY_KEY, PAGED, WITH_BODY, Responses, problems
from api_gateway.routes.shapes import Body, Cursor, Description, Id, Limit, PathId, only_one_of
from api_gateway.routes.wire import json_response, page_response
from api_gateway.streaming.relay import OpenStream
from api_gateway.streaming.response import EventStream
from api_gateway.streaming.sse import HEADERS, MEDIA_TYPE

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], route_class=AuthenticatedRoute)

TERMINAL: Final = runs_pb2.RUN_STATE_SUCCEEDED
EVENT_STREAM: Final = {
    MEDIA_TYPE: {
        "schema": {"type": "string"},
        "example": 'id: 1048577\nevent: meta\ndata: {"id":"…","kind":"generate","engine":"rules","model":null}\n\n',
    },
}
STARTED_AS_STREAM: Final[Responses] = {
    200: {"description": "The events, with `Accept: text/event-stream`.", "model": RunEvent, "content": EVENT_STREAM},
}


class GenerateInput(Body):
    """What to write a prompt for: a description, or a parsed one with answers to its form."""

    model_config = only_one_of(description="string", requirement_id="string")

    description: Description | None = Field(None, examples=["客服智能体，需要专业、耐心、能解决常见问题"])
    requirement_id: Id | None = None
    answers: dict[str, JsonValue] | None = None
    layout: Literal["markdown", "xml", "co-star", "langgpt"] = "markdown"
    language: Literal["auto", "zh", "en"] = "auto"
    max_tokens: int | None = Field(None, ge=200, le=32_000, description="Most tokens the prompt may have.")


class RunBody(Body):
    """A run to start."""

    kind: Literal["generate"] = Field(examples=["generate"])
    input: GenerateInput
    model: str | None = Field(None, description="One of `/api/v1/models`; the default when left out.")
    engine: Literal["rules", "dashscope"] | None = None


@router.post(
    "",
    status_code=202,
    response_model=Run,
    responses=problems(
        *WITH_BODY,
        *AUTHENTICATED,
        *BY_KEY,
        *BY_ID,
        "input_refused",
        "no_model",
        also=STARTED_AS_STREAM,
    ),
)
async def create_run(body: RunBody, request: Request, edge: UsesEdge) -> Response:
    """Start a run; it goes on when the client leaves."""
    message = runs_pb2.CreateRunRequest(model=body.model or "", engine=body.engine or "")
    message.generate.CopyFrom(_generate_message(body.input))
    return await started(message, request, edge)


@router.get("", response_model=RunPage, responses=problems(*AUTHENTICATED, *PAGED))
async def list_runs(
    request: Request,
    backends: UsesBackends,
    limit: Limit = 20,
    cursor: Cursor = "",
    kind: Annotated[KindName | None, Query()] = None,
    state: Annotated[StateName | None, Query()] = None,
) -> Response:
    """One's runs (an admin sees all), newest first."""
    message = runs_pb2.ListRunsRequest(limit=limit, cursor=cursor)
    if kind is not None:
        message.kind = runs_pb2.RunKind.Value(f"RUN_KIND_{kind.upper()}")
    if state is not None:
        message.state = runs_pb2.RunState.Value(f"RUN_STATE_{state.upper()}")
    answer = await backends.runs.ListRuns(message)
    language = _language(request)
    return page_response(answer.items, lambda run: run_json(run, language), answer.next_cursor)


@router.get("/{id}", response_model=Run, responses=problems(*AUTHENTICATED, *BY_ID))
async def get_run(id: PathId, request: Request, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """One run as it is now."""
    answer = await backends.runs.GetRun(runs_pb2.GetRunRequest(id=id))
    return _run_response(answer.run, request)


@router.post(
    "/{id}/cancel",
    status_code=202,
    response_model=Run,
    responses=problems(*AUTHENTICATED, *BY_KEY, *BY_ID),
)
async def cancel_run(id: PathId, request: Request, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """Ask a run to stop; one that has ended stays as it is."""
    answer = await backends.runs.CancelRun(runs_pb2.CancelRunRequest(id=id))
    return _run_response(answer.run, request, status=202)


@router.get(
    "/{id}/events",
    responses=problems(
        *AUTHENTICATED,
        *BY_ID,
        "invalid_request",
        also={
            200: {"description": "The events.", "model": RunEvent, "content": EVENT_STREAM},
            204: {"description": "Nothing comes after `Last-Event-ID`: the run has ended and its end was seen."},
        },
    ),
)
async def stream_events(id: PathId, request: Request, edge: UsesEdge) -> Response:  # noqa: A002 - the path's own name
    """The run's events as SSE: from the beginning, or after `Last-Event-ID`."""
    after_id = _last_event_id(request)
    run = (await edge.backends.runs.GetRun(runs_pb2.GetRunRequest(id=id))).run
    if request.scope.get("is_head", False):
        return Response(media_type=MEDIA_TYPE, headers=HEADERS)
    if run.state < TERMINAL:
        return _stream_response(edge.streams.open(run.id, after_id), request)
    stream = await edge.streams.replay(run.id, after_id)
    return Response(status_code=204) if stream is None else _stream_response(stream, request)


async def started(message: runs_pb2.CreateRunRequest, request: Request, edge: Edge) -> Response:
    """The answer to a run's start: the run, or with `Accept: text/event-stream` its events."""
    run = (await edge.backends.runs.CreateRun(message)).run
    location = f"/api/v1/runs/{run.id}"
    if MEDIA_TYPE in request.headers.get("accept", ""):
        return _stream_response(edge.streams.open(run.id, 0), request, {"Location": location})
    return _run_response(run, request, status=202, headers={"Location": location})


def _run_response(
    run: runs_pb2.Run,
    request: Request,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    tagged = (headers or {}) | {"ETag": etag(run.row_version)}
    return json_response(run_json(run, _language(request)), status=status, headers=tagged)


def _stream_response(stream: OpenStream, request: Request, headers: dict[str, str] | None = None) -> EventStream:
    return EventStream(stream, end_data(_language(request)), headers or {})


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def _last_event_id(request: Request) -> int:
    given = request.headers.get("last-event-id", "")
    if not given:
        return 0
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise InvalidArgument(
            "Last-Event-ID must be the id of an event of this run.",
            violations=[Violation("/header/Last-Event-ID", "must be a whole number")],
        )
    return int(given)


def _generate_message(body: GenerateInput) -> runs_pb2.GenerateInput:
    if (body.description is None) == (body.requirement_id is None):
        raise InvalidArgument(
            "Give either a description or a requirement_id.",
            violations=[Violation("/input/description", "exactly one of description and requirement_id")],
        )
    message = runs_pb2.GenerateInput(layout=body.layout, language=body.language, max_tokens=body.max_tokens or 0)
    if body.description is not None:
        message.description = body.description
    else:
        message.requirement_id = body.requirement_id or ""
    if body.answers is not None:
        message.answers_json = orjson.dumps(body.answers).decode()
    return message
