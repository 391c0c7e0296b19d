"""Lint: `/api/v1/lint`."""

from typing import Annotated, Literal

from fastapi import APIRouter
from promptsphere.generation.v1 import lint_pb2
from pydantic import Field
from starlette.responses import Response

from api_gateway.edge.dependencies import UsesBackends
from api_gateway.edge.route import AuthenticatedRoute
from api_gateway.routes.responses import AUTHENTICATED, BY_KEY, WITH_BODY, problems
from api_gateway.routes.shapes import Answer, Body, declared
from api_gateway.routes.wire import json_response

router = APIRouter(prefix="/api/v1/lint", tags=["lint"], route_class=AuthenticatedRoute)


class LintBody(Body):
    """The text to look at."""

    content: Annotated[str, declared(maxLength=256 * 1024)] = Field(
        examples=["你是一名客服专家，请尽量简洁地详细回答。"]
    )
    language: Literal["zh", "en"] | None = Field(None, description="The text's own when left out.")


class Finding(Answer):
    """Something that a careful reader would mark; offsets are code points after NFC."""

    rule: str = Field(examples=["vague-word"])
    severity: Literal["error", "warning", "info"]
    message: str
    start: int
    end: int


class Findings(Answer):
    """All findings, in order of place."""

    findings: list[Finding]


@router.post("", response_model=Findings, responses=problems(*WITH_BODY, *AUTHENTICATED, *BY_KEY))
async def lint(body: LintBody, backends: UsesBackends) -> Response:
    """Deterministic findings; no model, no cost."""
    request = lint_pb2.LintContentRequest(content=body.content, language=body.language or "")
    answer = await backends.lint.LintContent(request)
    return json_response({"findings": [_finding_json(one) for one in answer.findings]})


def _finding_json(finding: lint_pb2.Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "start": finding.start,
        "end": finding.end,
    }
