"""Runs from messages to JSON, in answers and in end events."""

from typing import Any

import orjson
from promptsphere.generation.v1 import runs_pb2
from servicekit.errors import SphereError

from api_gateway.problems.rendering import document
from api_gateway.routes.wire import author_json, embedded, time_text
from api_gateway.streaming.sse import EndData


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
        "created_by": author_json(run.created_by),
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
    body = document(raised, language=language)
    if error.violations_json:
        body["errors"] = embedded(error.violations_json)
    return body
