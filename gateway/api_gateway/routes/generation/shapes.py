"""The JSON shape of a run."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, RootModel

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


KindName = Literal["parse", "generate", "refine", "assess", "test"]
StateName = Literal["queued", "running", "succeeded", "failed", "rejected", "cancelled", "interrupted"]
EngineName = Literal["rules", "dashscope"]


class Run(Answer):
    """Work that goes on when the client leaves."""

    id: str = Field(examples=[UUID_EXAMPLE])
    kind: KindName
    state: StateName
    engine: EngineName
    model: str | None
    source: dict[str, JsonValue] | None
    result: dict[str, JsonValue] | None
    error: RunProblem | None
    usage: Usage
    created_by: Author
    created_at: str = Field(examples=[TIME_EXAMPLE])
    ended_at: str | None


RunPage = page_of(Run, "RunPage")


class Beginning(Answer):
    """What runs, and by what."""

    id: str = Field(examples=[UUID_EXAMPLE])
    kind: KindName
    engine: EngineName
    model: str | None


class Stage(Answer):
    """A step of the work; with `reset` the deltas so far don't count."""

    name: str = Field(examples=["writing"])
    reset: bool | None = None


class Delta(Answer):
    """A piece of the content."""

    text: str


class Ended(Answer):
    """The run as it ended."""

    run: Run


class NotEndedWell(Answer):
    """Why it did not succeed, and the run."""

    problem: RunProblem
    run: Run


class MetaEvent(Answer):
    """The first event."""

    id: int = Field(ge=1)
    event: Literal["meta"]
    data: Beginning


class StageEvent(Answer):
    """A step begins."""

    id: int = Field(ge=1)
    event: Literal["stage"]
    data: Stage


class DeltaEvent(Answer):
    """The content grows."""

    id: int = Field(ge=1)
    event: Literal["delta"]
    data: Delta


class UsageEvent(Answer):
    """What was used so far."""

    id: int = Field(ge=1)
    event: Literal["usage"]
    data: Usage


class DoneEvent(Answer):
    """The end of a run that succeeded or was cancelled."""

    id: int = Field(ge=1)
    event: Literal["done"]
    data: Ended


class ErrorEvent(Answer):
    """The end of a run that failed, was rejected or interrupted."""

    id: int = Field(ge=1)
    event: Literal["error"]
    data: NotEndedWell


AnyEvent = MetaEvent | StageEvent | DeltaEvent | UsageEvent | DoneEvent | ErrorEvent


class RunEvent(RootModel[Annotated[AnyEvent, Field(discriminator="event")]]):
    """One event of a run: the fields of its frame, `data` parsed."""
