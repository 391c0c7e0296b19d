"""JSON shapes of a version and of what a new one brings."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from api_gateway.routes.shapes import (
    SHA256_EXAMPLE,
    TIME_EXAMPLE,
    Answer,
    Author,
    Body,
    Content,
    Id,
    Note,
    Title,
    declared,
)

OriginName = Literal["human", "generate", "refine", "optimize", "import", "rollback"]
MessageContent = Annotated[str, declared(maxLength=256 * 1024, pattern=r"^[^\u0000]*$")]
VariableName = Annotated[str, declared(minLength=1, maxLength=64, pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Option = Annotated[str, declared(maxLength=200, pattern=r"^[^\u0000]*$")]
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Message(Body):
    """One chat message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: MessageContent = Field(examples=["你是一名客服专家。"])


class Variable(Body):
    """A placeholder of a prompt."""

    name: VariableName = Field(examples=["user_question"])
    type: Literal["string", "number", "boolean", "enum", "json"] = "string"
    required: bool = True
    default: JsonValue = None
    title: Title = ""
    description: Note = Field("", examples=["客户的原话"])
    max_chars: Annotated[int, declared(minimum=0, maximum=2**31 - 1)] | None = None
    example: JsonValue = None
    options: Annotated[list[Option], declared(maxItems=100)] = Field(
        default_factory=list, description="The values of an `enum`."
    )


class Draft(Body):
    """Content for a new version: exactly one of `content`, `messages` and `from_run`."""

    content: Content | None = Field(None, examples=["你是一名客服专家。请回答：{{ question }}"])
    messages: Annotated[list[Message], declared(minItems=1, maxItems=100)] | None = None
    from_run: Id | None = Field(None, description="Id of a finished run whose result is wanted.")
    variables: Annotated[list[Variable], declared(maxItems=100)] | None = None
    model_settings: dict[str, JsonValue] | None = Field(None, examples=[{"temperature": 0.3}])
    commit_message: Note = Field("", examples=["first version"])


class Version(Answer):
    """A stored version; it never changes."""

    number: int = Field(examples=[1])
    content: str | None = Field(None, examples=["你是一名客服专家。请回答：{{ question }}"])
    messages: list[Message] | None = None
    variables: list[Variable]
    model_settings: dict[str, JsonValue] | None
    author: Author
    origin: OriginName
    parent: int | None
    run_id: str | None
    commit_message: str
    created_at: str = Field(examples=[TIME_EXAMPLE])
    content_sha256: str = Field(examples=[SHA256_EXAMPLE])
