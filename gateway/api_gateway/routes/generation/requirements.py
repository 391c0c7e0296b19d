"""What a sentence asks for: `/api/v1/requirements`."""

from typing import Any, Literal

from fastapi import APIRouter
from promptsphere.generation.v1 import requirements_pb2
from pydantic import Field, JsonValue
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.generation.shapes import Usage
from api_gateway.routes.generation.wire import usage_json
from api_gateway.routes.responses import AUTHENTICATED, BY_KEY, WITH_BODY, problems
from api_gateway.routes.shapes import UUID_EXAMPLE, Answer, Body, Description
from api_gateway.routes.wire import embedded, json_response

router = APIRouter(prefix="/api/v1/requirements", tags=["requirements"], route_class=AuthenticatedRoute)

PARSE_SECONDS = 25.0


class RequirementBody(Body):
    """A description in one's own words."""

    description: Description = Field(
        examples=["客服智能体，需要专业、耐心、能解决常见问题"], description="1 to 8 000 characters."
    )
    language: Literal["auto", "zh", "en"] = "auto"


class RequirementItem(Answer):
    """One thing that is asked for."""

    id: str = Field(examples=["R1"])
    kind: Literal["goal", "audience", "capability", "constraint", "format", "tone", "knowledge", "safety", "example"]
    text: str
    source_quote: str | None = Field(description="Verbatim; null when inferred.")
    priority: Literal["must", "should"]
    inferred: bool


class Unknown(Answer):
    """Something important that the description leaves open."""

    id: str
    question: str
    why: str
    impact: Literal["high", "medium", "low"]


class Form(Answer):
    """Questions as a JSON Schema with hints; `prefill` alone is a valid answer."""

    form_schema: dict[str, JsonValue] = Field(alias="schema")
    ui: dict[str, JsonValue]
    prefill: dict[str, JsonValue]
    fallback: bool


class Requirement(Answer):
    """A parsed description."""

    id: str = Field(examples=[UUID_EXAMPLE])
    description: str
    language: Literal["zh", "en"]
    input_class: Literal["ok", "too_vague", "not_a_prompt_request", "unsafe"]
    requirements: list[RequirementItem]
    unknowns: list[Unknown]
    form: Form
    engine: Literal["rules", "dashscope"]
    usage: Usage


@router.post("", response_model=Requirement, responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY))
async def create_requirement(body: RequirementBody, backends: UsesBackends) -> Response:
    """Understand a description, and ask for what it leaves open."""
    answer = await backends.requirements.CreateRequirement(
        requirements_pb2.CreateRequirementRequest(description=body.description, language=body.language),
        timeout=PARSE_SECONDS,
    )
    return json_response(_requirement_json(answer.requirement))


def _requirement_json(requirement: requirements_pb2.Requirement) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "description": requirement.description,
        "language": requirement.language,
        "input_class": requirement.input_class,
        "requirements": [_item_json(one) for one in requirement.requirements],
        "unknowns": [
            {"id": one.id, "question": one.question, "why": one.why, "impact": one.impact}
            for one in requirement.unknowns
        ],
        "form": {
            "schema": embedded(requirement.form.schema_json),
            "ui": embedded(requirement.form.ui_json),
            "prefill": embedded(requirement.form.prefill_json),
            "fallback": requirement.form.fallback,
        },
        "engine": requirement.engine,
        "usage": usage_json(requirement.usage),
    }


def _item_json(item: requirements_pb2.RequirementItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "text": item.text,
        "source_quote": item.source_quote or None,
        "priority": item.priority,
        "inferred": item.inferred,
    }
