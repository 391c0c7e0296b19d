"""Assessing a prompt: `/api/v1/assessments`."""

from fastapi import APIRouter, Request
from promptsphere.generation.v1 import runs_pb2
from promptsphere.prompt.v1 import versions_pb2
from pydantic import ConfigDict, Field
from servicekit.errors import InvalidArgument, Violation
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends, UsesEdge
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.generation.runs import STARTED_AS_STREAM, started
from api_gateway.routes.generation.shapes import Run
from api_gateway.routes.prompt.shapes import VersionNumber
from api_gateway.routes.responses import AUTHENTICATED, BY_KEY, WITH_BODY, problems
from api_gateway.routes.shapes import Body, Content, Id

router = APIRouter(prefix="/api/v1/assessments", tags=["assessments"], route_class=AuthenticatedRoute)


class AssessmentBody(Body):
    """The text, or the stored version, to assess."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "title": "content",
                    "required": ["content"],
                    "properties": {
                        "content": {"type": "string"},
                        "prompt_id": {"type": "null"},
                        "version": {"type": "null"},
                    },
                },
                {
                    "title": "prompt_id and version",
                    "required": ["prompt_id", "version"],
                    "properties": {
                        "content": {"type": "null"},
                        "prompt_id": {"type": "string"},
                        "version": {"type": "integer"},
                    },
                },
            ],
        },
    )

    content: Content | None = Field(None, examples=["你是一名客服专家……"])
    prompt_id: Id | None = None
    version: VersionNumber | None = None
    fresh: bool = Field(default=False, description="Compute again although a result is stored.")


@router.post(
    "",
    status_code=202,
    response_model=Run,
    responses=problems(
        *WITH_BODY,
        *AUTHENTICATED,
        *BY_KEY,
        "not_found",
        also=STARTED_AS_STREAM,
    ),
)
async def create_assessment(
    body: AssessmentBody,
    request: Request,
    edge: UsesEdge,
    backends: UsesBackends,
) -> Response:
    """Start a run that assesses a text or a stored version."""
    message = runs_pb2.CreateRunRequest(assess=runs_pb2.AssessInput(fresh=body.fresh))
    if body.content is not None and body.prompt_id is None and body.version is None:
        message.assess.content = body.content
    elif body.content is None and body.prompt_id is not None and body.version is not None:
        wanted = versions_pb2.GetVersionRequest(prompt_id=body.prompt_id, number=body.version)
        version = (await backends.versions.GetVersion(wanted)).version
        message.assess.content = _text(version)
        message.assess.prompt_id, message.assess.version = body.prompt_id, body.version
        message.assess.run_id = version.run_id
    else:
        raise InvalidArgument(
            "Give either content, or prompt_id and version.",
            violations=[Violation("/content", "exactly one of content, and prompt_id with version")],
        )
    return await started(message, request, edge)


def _text(version: versions_pb2.Version) -> str:
    """What is assessed: the text, or the messages in order, each under its role."""
    if version.WhichOneof("body") == "content":
        return version.content
    return "\n\n".join(f"# {one.role}\n\n{one.content}" for one in version.messages.items)
