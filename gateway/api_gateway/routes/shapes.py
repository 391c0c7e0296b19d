"""JSON shapes and parameters that resources of several services share."""

from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

UUID_EXAMPLE: Final = "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42"
SHA256_EXAMPLE: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TIME_EXAMPLE: Final = "2026-11-23T09:30:00.000000Z"

SEGMENT: Final = r"[a-z0-9]([a-z0-9_-]|\.(?=[a-z0-9_-]))*"
CONTROL: Final = r"\u0000-\u001f\u007f-\u009f"


def declared(**schema: Any) -> Any:
    """What the service checks of a field, for the OpenAPI document only: the sentence of a refusal is the service's."""
    return Field(json_schema_extra=schema)


def only_one_of(*, or_none: dict[str, Any] | None = None, **types: str) -> ConfigDict:
    """The document's part for a body that takes one of these fields and no other of them; or `or_none` of them."""
    nulls = {name: {"type": "null"} for name in types}
    branches: list[Any] = [
        {"title": name, "required": [name], "properties": nulls | {name: {"type": kind}}}
        for name, kind in types.items()
    ]
    if or_none is not None:
        branches.append({"title": "none", "properties": nulls | or_none})
    return ConfigDict(json_schema_extra={"oneOf": branches})


Limit = Annotated[int, Query(ge=1, le=100, description="Most items of the page.")]
Id = Annotated[str, declared(format="uuid")]
PathId = Annotated[str, Path(json_schema_extra={"format": "uuid"}, examples=[UUID_EXAMPLE])]
Email = Annotated[str, declared(format="email", maxLength=254)]
Password = Annotated[str, declared(minLength=12, maxLength=128)]
GivenName = Annotated[
    str,
    declared(minLength=1, maxLength=200, pattern=rf"^[^{CONTROL}]*[^{CONTROL}\s][^{CONTROL}]*$"),
]
PromptName = Annotated[str, declared(minLength=1, maxLength=128, pattern=f"^{SEGMENT}(/{SEGMENT}){{0,9}}$")]
LabelName = Annotated[str, declared(maxLength=36, pattern="^(?!latest$|v[0-9]+$)[a-z][a-z0-9_.-]{0,35}$")]
AnyLabel = Annotated[str, declared(maxLength=36, pattern="^(?!v[0-9]+$)[a-z][a-z0-9_.-]{0,35}$")]
"""A label to read by: `latest` is one of them."""
Filter = Annotated[str, declared(maxLength=4096)]
Title = Annotated[str, declared(maxLength=200, pattern=r"^[^\u0000]*$")]
Note = Annotated[str, declared(maxLength=4000, pattern=r"^[^\u0000]*$")]
Tag = Annotated[str, declared(minLength=1, maxLength=64, pattern=r"^[^\u0000]*[^\u0000\s][^\u0000]*$")]
Tags = Annotated[list[Tag], declared(maxItems=32)]
Content = Annotated[str, declared(minLength=1, maxLength=256 * 1024, pattern=r"^[^\u0000]*$")]
Description = Annotated[str, declared(minLength=1, maxLength=8000, pattern=r"^[^\u0000]*[^\u0000\W_][^\u0000]*$")]
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
