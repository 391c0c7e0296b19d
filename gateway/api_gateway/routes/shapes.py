"""JSON shapes and parameters that resources of several services share."""

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, create_model

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


class Author(Answer):
    """Who did something."""

    type: Literal["user", "api_key"]
    id: str = Field(examples=[UUID_EXAMPLE])
    name: str = Field(examples=["王小明"])


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
