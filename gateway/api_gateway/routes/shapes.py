"""JSON shapes that several resources share, and how their answers are described in the OpenAPI document."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from api_gateway.problem_table import TABLE
from api_gateway.problems import MEDIA_TYPE

UUID_EXAMPLE: Final = "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42"
SHA256_EXAMPLE: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TIME_EXAMPLE: Final = "2026-11-23T09:30:00.000000Z"

Limit = Annotated[int, Query(ge=1, le=100, description="Most items of the page.")]
Cursor = Annotated[str, Query(max_length=2000, description="`next_cursor` of the page before; empty: the first page.")]


class Body(BaseModel):
    """A request body: unknown fields and wrong types are refused; lengths and ranges are the service's business."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """A part of an answer; describes what handlers build, for the OpenAPI document."""

    model_config = ConfigDict(extra="forbid")


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


class Author(Answer):
    """Who did something."""

    type: Literal["user", "api_key"]
    id: str = Field(examples=[UUID_EXAMPLE])
    name: str = Field(examples=["王小明"])


class Message(Body):
    """One chat message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(examples=["你是一名客服专家。"])


class Variable(Body):
    """A placeholder of a prompt."""

    name: str = Field(examples=["user_question"])
    type: Literal["string", "number", "boolean", "enum", "json"] = "string"
    required: bool = True
    default: JsonValue = None
    title: str = ""
    description: str = Field("", examples=["客户的原话"])
    max_chars: int | None = None
    example: JsonValue = None
    options: list[str] = Field(default_factory=list, description="The values of an `enum`.")


def page_of(item: type[BaseModel], name: str) -> type[BaseModel]:
    """The shape of a page of `item`."""
    return create_model(
        name,
        __base__=Answer,
        __doc__="A page of a list.",
        items=(list[item], ...),  # type: ignore[valid-type]  # made at run time
        next_cursor=(
            str | None,
            Field(None, description="Ask for the next page with it; null on the last page."),
        ),
    )


Responses = dict[int | str, dict[str, Any]]

COMMON: Final = ("rate_limited", "internal", "unavailable", "overloaded", "deadline_exceeded")
WITH_BODY: Final = ("malformed_json", "invalid_request", "too_large", "unsupported_media_type", "request_timeout")
AUTHENTICATED: Final = ("unauthenticated", "token_stale", "forbidden", "scope_missing")
BY_KEY: Final = ("invalid_idempotency_key", "idempotency_mismatch", "in_progress")


def problems(*codes: str, also: Responses | None = None) -> Responses:
    """The `responses` of a route that may refuse with these codes, each with an example, and what else it answers."""
    by_status: Responses = dict(also or {})
    for code in (*codes, *COMMON):
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
