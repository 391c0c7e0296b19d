"""What is asked for, from messages to the domain."""

from typing import Any

from promptsphere.generation.v1 import runs_pb2
from servicekit.errors import invalid_field

from generation_service.lint.rules import checked_content
from generation_service.runs.planner import AssessRequest, GenerateRequest


def enum_word(wire: Any, number: int, *, pointer: str) -> str:
    """The last word of an enum value's name, in lower case. Raises InvalidArgument when it has none."""
    if number not in wire.values():
        raise invalid_field(pointer, "is not known")
    return str(wire.Name(number)).rsplit("_", 1)[-1].lower()


def generate_request(wire: runs_pb2.GenerateInput) -> GenerateRequest:
    """What a `generate` run is asked."""
    source = wire.WhichOneof("source")
    return GenerateRequest(
        description=wire.description if source == "description" else None,
        requirement_id=wire.requirement_id if source == "requirement_id" else None,
        answers_json=wire.answers_json,
        layout=wire.layout,
        language=wire.language,
        max_tokens=wire.max_tokens,
    )


def assess_request(wire: runs_pb2.AssessInput) -> AssessRequest:
    """What an `assess` run is asked. Raises InvalidArgument: the content is unfit."""
    return AssessRequest(
        content=checked_content(wire.content, pointer="/content"),
        prompt_id=wire.prompt_id,
        version=wire.version,
        is_fresh=wire.fresh,
        run_id=wire.run_id,
    )
