"""Runs from rows to messages."""

from typing import TypeAlias, cast

import orjson
from promptsphere.generation.v1 import runs_pb2
from servicekit.json_types import JsonObject
from servicekit.rpc.timestamps import to_wire

from generation_service.execution.attempts import cost_text
from generation_service.execution.models import Run

StartedRun: TypeAlias = runs_pb2.CreateRunResponse
"""What is kept of a start under its idempotency key, whatever RPC asked for it."""


def run_to_wire(run: Run, *, is_listed: bool = False) -> runs_pb2.Run:
    """A run's row as a message; in a list without its result, which would make a page larger than a message."""
    result = None if is_listed else run.result
    return runs_pb2.Run(
        id=run.id,
        kind=runs_pb2.RunKind.Value(f"RUN_KIND_{run.kind.upper()}"),
        state=runs_pb2.RunState.Value(f"RUN_STATE_{run.state.upper()}"),
        engine=run.engine,
        model=run.model,
        source_json=orjson.dumps(run.source).decode(),
        result_json=orjson.dumps(result).decode() if result is not None else "",
        error=_error(run.error),
        usage=usage_to_wire(run),
        created_by=runs_pb2.Creator(type=run.created_by_kind, id=run.created_by_id, name=run.created_by_name),
        row_version=run.row_version,
        created_at=to_wire(run.created_at),
        ended_at=to_wire(run.ended_at) if run.ended_at is not None else None,
    )


def usage_to_wire(run: Run) -> runs_pb2.Usage:
    """What a run has cost."""
    return runs_pb2.Usage(
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        cost=cost_text(run.cost),
        estimated=run.is_estimated,
    )


def _error(stored: JsonObject | None) -> runs_pb2.RunError | None:
    if stored is None:
        return None
    violations = stored["violations"]
    return runs_pb2.RunError(
        reason=cast("str", stored["reason"]),
        message=cast("str", stored["message"]),
        metadata=cast("dict[str, str]", stored["metadata"]),
        violations_json=orjson.dumps(violations).decode() if violations else "",
    )
