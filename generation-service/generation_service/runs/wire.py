"""Runs from rows to messages, and what is asked for from messages to the domain."""

from typing import Any, cast

import orjson
from promptsphere.generation.v1 import runs_pb2

from generation_service.lint.servicer import checked_content
from generation_service.requirements.domain import JsonObject
from generation_service.runs import inputs
from generation_service.runs.attempts import cost_text
from generation_service.runs.models import Run
from generation_service.runs.orders import AssessAsked, GenerateAsked


def run_to_wire(run: Run, *, is_listed: bool = False) -> runs_pb2.Run:
    """A run's row as a message; in a list without its result, which would make a page larger than a message."""
    result = None if is_listed else run.result
    wire = runs_pb2.Run(
        id=run.id,
        kind=runs_pb2.RunKind.Value(f"RUN_KIND_{run.kind.upper()}"),
        state=runs_pb2.RunState.Value(f"RUN_STATE_{run.state.upper()}"),
        engine=run.engine,
        model=run.model,
        source_json=orjson.dumps(run.source).decode(),
        result_json=orjson.dumps(result).decode() if result is not None else "",
        error=_error(cast("JsonObject | None", run.error)),
        usage=usage_to_wire(run),
        created_by=runs_pb2.Creator(type=run.created_by_kind, id=run.created_by_id, name=run.created_by_name),
        row_version=run.row_version,
    )
    wire.created_at.FromDatetime(run.created_at)
    if run.ended_at is not None:
        wire.ended_at.FromDatetime(run.ended_at)
    return wire


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


def enum_word(wire: Any, number: int, *, pointer: str) -> str:
    """The last word of an enum value's name, in lower case. Raises InvalidArgument when it has none."""
    if number not in wire.values():
        raise inputs.wrong(pointer, "is not known")
    return str(wire.Name(number)).rsplit("_", 1)[-1].lower()


def generate_asked(wire: runs_pb2.GenerateInput) -> GenerateAsked:
    """What a `generate` run is asked."""
    source = wire.WhichOneof("source")
    return GenerateAsked(
        description=wire.description if source == "description" else None,
        requirement_id=wire.requirement_id if source == "requirement_id" else None,
        answers_json=wire.answers_json,
        layout=wire.layout,
        language=wire.language,
        max_tokens=wire.max_tokens,
    )


def assess_asked(wire: runs_pb2.AssessInput) -> AssessAsked:
    """What an `assess` run is asked. Raises InvalidArgument: the content is unfit."""
    return AssessAsked(
        content=checked_content(wire.content, pointer="/content"),
        prompt_id=wire.prompt_id,
        version=wire.version,
        is_fresh=wire.fresh,
        run_id=wire.run_id,
    )
