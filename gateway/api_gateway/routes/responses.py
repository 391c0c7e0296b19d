"""What a route may answer beside its own shape, for the OpenAPI document: problems by status, with examples."""

from typing import Any, Final

from pydantic import Field

from api_gateway.problems.rendering import MEDIA_TYPE
from api_gateway.problems.table import TABLE
from api_gateway.routes.shapes import UUID_EXAMPLE, Answer

Responses = dict[int | str, dict[str, Any]]

COMMON: Final = ("rate_limited", "internal", "unavailable", "overloaded", "deadline_exceeded")
WITH_BODY: Final = ("malformed_json", "invalid_request", "too_large", "unsupported_media_type", "request_timeout")
AUTHENTICATED: Final = ("unauthenticated", "token_stale", "forbidden", "scope_missing")
PAGED: Final = ("invalid_request", "invalid_cursor")
BY_ID: Final = ("not_found", "invalid_request")
BY_KEY: Final = ("invalid_idempotency_key", "idempotency_mismatch", "in_progress")


class FieldProblem(Answer):
    """One wrong field."""

    pointer: str = Field(examples=["/title"])
    message: str = Field(examples=["at most 200 characters"])


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:promptsphere:problem:not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such prompt, or it is not yours."])
    code: str = Field(examples=["not_found"])
    request_id: str = Field(examples=[UUID_EXAMPLE])
    errors: list[FieldProblem] | None = None


def problems(*codes: str, also: Responses | None = None) -> Responses:
    """The `responses` of a route that may refuse with these codes, each with an example, and what else it answers."""
    by_status: Responses = dict(also or {})
    for code in dict.fromkeys((*codes, *COMMON)):
        entry = TABLE[code]
        described = by_status.setdefault(
            entry.status,
            {"model": Problem, "description": "", "content": {MEDIA_TYPE: {"examples": {}}}},
        )
        described["description"] = ", ".join(filter(None, (described["description"], f"`{code}`")))
        described["content"][MEDIA_TYPE]["examples"][code] = {
            "value": {
                "type": f"urn:promptsphere:problem:{code}",
                "title": entry.title,
                "status": entry.status,
                "detail": entry.en or entry.title + ".",
                "code": code,
                "request_id": UUID_EXAMPLE,
            },
        }
    return by_status
