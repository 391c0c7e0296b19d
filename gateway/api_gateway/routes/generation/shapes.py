"""The JSON shape of a run."""

from typing import Literal

from pydantic import Field, JsonValue

from api_gateway.routes.shapes import TIME_EXAMPLE, UUID_EXAMPLE, Answer, Author, page_of


class Usage(Answer):
    """Tokens and money."""

    input_tokens: int
    output_tokens: int
    cost: str = Field(examples=["0.00042"], description="CNY.")
    estimated: bool


class RunProblem(Answer):
    """Why a run did not succeed."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=["model_stream_cut"])
    errors: list[dict[str, JsonValue]] | None = None


class Run(Answer):
    """Work that goes on when the client leaves."""

    id: str = Field(examples=[UUID_EXAMPLE])
    kind: Literal["parse", "generate", "refine", "assess", "test"]
    state: Literal["queued", "running", "succeeded", "failed", "rejected", "cancelled", "interrupted"]
    engine: Literal["rules", "dashscope"]
    model: str | None
    source: dict[str, JsonValue] | None
    result: dict[str, JsonValue] | None
    error: RunProblem | None
    usage: Usage
    created_by: Author
    created_at: str = Field(examples=[TIME_EXAMPLE])
    ended_at: str | None


RunPage = page_of(Run, "RunPage")
