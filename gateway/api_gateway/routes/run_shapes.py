"""The JSON shape of a run, in answers and in end events."""

from typing import Any, Literal

import orjson
from promptsphere.generation.v1 import runs_pb2
from pydantic import Field, JsonValue
from servicekit.errors import SphereError

from api_gateway import problems
from api_gateway.routes.shapes import TIME_EXAMPLE, UUID_EXAMPLE, Answer, Author, page_of
from api_gateway.streams import EndData
from api_gateway.wire import embedded, time_text


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


def run_json(run: runs_pb2.Run, language: str) -> dict[str, Any]:
    """A run for an answer, its error in `language`."""
    return {
        "id": run.id,
        "kind": runs_pb2.RunKind.Name(run.kind).removeprefix("RUN_KIND_").lower(),
        "state": runs_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_").lower(),
        "engine": run.engine,
        "model": run.model or None,
        "source": embedded(run.source_json),
        "result": embedded(run.result_json),
        "error": _problem(run.error, language) if run.HasField("error") else None,
        "usage": usage_json(run.usage),
        "created_by": {"type": run.created_by.type, "id": run.created_by.id, "name": run.created_by.name},
        "created_at": time_text(run.created_at),
        "ended_at": time_text(run.ended_at) if run.HasField("ended_at") else None,
    }


def usage_json(usage: runs_pb2.Usage) -> dict[str, Any]:
    """Tokens and money for an answer."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": usage.cost or "0",
        "estimated": usage.estimated,
    }


def end_data(language: str) -> EndData:
    """What makes the JSON object of an end event: `{run}`, and the problem when there is one."""

    def make(event: runs_pb2.StreamRunResponse) -> bytes:
        run = run_json(event.run, language)
        return orjson.dumps({"run": run} if event.event == "done" else {"problem": run["error"], "run": run})

    return make


def _problem(error: runs_pb2.RunError, language: str) -> dict[str, Any]:
    raised = SphereError(error.message, reason=error.reason, metadata=error.metadata)
    body = problems.document(raised, language=language)
    if error.violations_json:
        body["errors"] = embedded(error.violations_json)
    return body
