"""Prompts: `/api/v1/prompts*`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from google.protobuf.field_mask_pb2 import FieldMask
from promptsphere.prompt.v1 import prompts_pb2
from pydantic import Field
from starlette.responses import Response

from api_gateway.edge.dependencies import ForgetDelivered, UsesBackends
from api_gateway.edge.etags import etag
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.prompt.shapes import Draft, Version
from api_gateway.routes.prompt.wire import draft_message, version_json
from api_gateway.routes.responses import AUTHENTICATED, BY_ID, BY_KEY, PAGED, WITH_BODY, problems
from api_gateway.routes.shapes import (
    TIME_EXAMPLE,
    UUID_EXAMPLE,
    Answer,
    Author,
    Body,
    Cursor,
    Filter,
    Limit,
    PathId,
    PromptName,
    Tags,
    Title,
    only_one_of,
    page_of,
)
from api_gateway.routes.wire import author_json, json_response, page_response, time_text

router = APIRouter(prefix="/api/v1/prompts", tags=["prompts"], route_class=AuthenticatedRoute)


class PromptBody(Draft):
    """A prompt to make; with content, messages or a run's result it gets its first version."""

    model_config = only_one_of(
        content="string",
        messages="array",
        from_run="string",
        or_none={
            "variables": {"enum": [None, []]},
            "model_settings": {"enum": [None, {}]},
            "commit_message": {"const": ""},
        },
    )

    name: PromptName = Field(
        examples=["support/faq-agent"], description="Segments of a-z, 0-9, _ and -, joined by `/`."
    )
    title: Title = Field("", examples=["客服智能体"])
    tags: Tags = Field(default_factory=list, examples=[["客服", "zh"]])


class PromptPatch(Body):
    """What to change; what is left out or null stays."""

    name: PromptName | None = Field(None, examples=["support/faq-agent"])
    title: Title | None = Field(None, examples=["客服智能体"])
    tags: Tags | None = Field(None, examples=[["客服"]])


class RestoreBody(Body):
    """How to restore."""

    name: PromptName | None = Field(
        None, examples=["support/faq-agent-2"], description="A new name, when the old one is taken."
    )


class PromptSummary(Answer):
    """A prompt without content."""

    id: str = Field(examples=[UUID_EXAMPLE])
    name: str = Field(examples=["support/faq-agent"])
    title: str
    tags: list[str]
    head_version: int | None
    labels: dict[str, int] = Field(examples=[{"production": 3}])
    created_by: Author
    created_at: str = Field(examples=[TIME_EXAMPLE])
    updated_at: str = Field(examples=[TIME_EXAMPLE])
    deleted_at: str | None


class Prompt(PromptSummary):
    """A prompt with its head version."""

    version: Version | None


PromptPage = page_of(PromptSummary, "PromptPage")


@router.post(
    "",
    status_code=201,
    response_model=Prompt,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY, "name_taken", *BY_ID, "run_not_finished"),
)
async def create_prompt(body: PromptBody, backends: UsesBackends) -> Response:
    """Make a prompt, with a first version when there is content."""
    request = prompts_pb2.CreatePromptRequest(name=body.name, title=body.title, tags=body.tags)
    draft = await draft_message(body, backends)
    if draft is not None:
        request.version.CopyFrom(draft)
    answer = await backends.prompts.CreatePrompt(request)
    return _prompt_response(answer.prompt, status=201)


@router.get("", response_model=PromptPage, responses=problems(*AUTHENTICATED, *PAGED))
async def list_prompts(
    backends: UsesBackends,
    limit: Limit = 20,
    cursor: Cursor = "",
    tag: Annotated[Filter, Query(description="Only prompts that bear this tag.")] = "",
    folder: Annotated[Filter, Query(description="Only prompts in this folder or below.", examples=["support"])] = "",
    label: Annotated[Filter, Query(description="Only prompts that have this label.")] = "",
    author: Annotated[Filter, Query(description="Only prompts made by this user or API key, by id.")] = "",
    deleted: Annotated[bool, Query(description="The recycle bin instead.")] = False,  # noqa: FBT002
) -> Response:
    """The workspace's prompts without content, newest first."""
    answer = await backends.prompts.ListPrompts(
        prompts_pb2.ListPromptsRequest(
            limit=limit,
            cursor=cursor,
            tag=tag,
            folder=folder,
            label=label,
            author=author,
            deleted=deleted,
        ),
    )
    return page_response(answer.items, _summary_json, answer.next_cursor)


@router.get("/{id}", response_model=Prompt, responses=problems(*AUTHENTICATED, *BY_ID))
async def get_prompt(id: PathId, backends: UsesBackends) -> Response:  # noqa: A002 - the path's own name
    """One prompt with its head version; a deleted one too."""
    answer = await backends.prompts.GetPrompt(prompts_pb2.GetPromptRequest(id=id))
    return _prompt_response(answer.prompt)


@router.patch(
    "/{id}",
    response_model=Prompt,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_ID, "name_taken", "deleted", "stale", "precondition_required"),
)
async def update_prompt(
    id: PathId,  # noqa: A002 - the path's own name
    body: PromptPatch,
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
) -> Response:
    """Change name, title or tags; needs `If-Match`."""
    changes = {key: value for key, value in body.model_dump(exclude_unset=True).items() if value is not None}
    answer = await backends.prompts.UpdatePrompt(
        prompts_pb2.UpdatePromptRequest(
            prompt=prompts_pb2.Prompt(id=id, **changes),
            update_mask=FieldMask(paths=sorted(changes)),
        ),
    )
    forget_delivered()
    return _prompt_response(answer.prompt)


@router.delete("/{id}", status_code=204, responses=problems(*AUTHENTICATED, *BY_ID, "stale"))
async def delete_prompt(
    id: PathId,  # noqa: A002 - the path's own name
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
) -> Response:
    """Put a prompt into the recycle bin; its name becomes free."""
    await backends.prompts.DeletePrompt(prompts_pb2.DeletePromptRequest(id=id))
    forget_delivered()
    return Response(status_code=204)


@router.post(
    "/{id}/restore",
    response_model=Prompt,
    responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY, *BY_ID, "name_taken"),
)
async def restore_prompt(
    id: PathId,  # noqa: A002 - the path's own name
    backends: UsesBackends,
    forget_delivered: ForgetDelivered,
    body: RestoreBody | None = None,
) -> Response:
    """Take a prompt out of the recycle bin."""
    name = (body.name if body else None) or ""
    answer = await backends.prompts.RestorePrompt(prompts_pb2.RestorePromptRequest(id=id, name=name))
    forget_delivered()
    return _prompt_response(answer.prompt)


def _prompt_response(prompt: prompts_pb2.Prompt, *, status: int = 200) -> Response:
    version = version_json(prompt.version) if prompt.HasField("version") else None
    return json_response(
        _summary_json(prompt) | {"version": version},
        status=status,
        headers={"ETag": etag(prompt.row_version)}
        | ({"Location": f"/api/v1/prompts/{prompt.id}"} if status == 201 else {}),
    )


def _summary_json(prompt: prompts_pb2.Prompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "name": prompt.name,
        "title": prompt.title,
        "tags": list(prompt.tags),
        "head_version": prompt.head_version or None,
        "labels": dict(sorted(prompt.labels.items())),
        "created_by": author_json(prompt.created_by),
        "created_at": time_text(prompt.created_at),
        "updated_at": time_text(prompt.updated_at),
        "deleted_at": time_text(prompt.deleted_at) if prompt.HasField("deleted_at") else None,
    }
