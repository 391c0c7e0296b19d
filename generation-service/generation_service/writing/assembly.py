"""From a prompt's bare text to everything that is known about it; the same for both engines."""

from servicekit.json_types import JsonValue

from generation_service.writing.gates import check
from generation_service.writing.rule_writer.composer import assumptions, block_for
from generation_service.writing.tracing import trace
from generation_service.writing.values import WriteRequest, WrittenPrompt
from generation_service.writing.variables import Variable, describe


def finish(request: WriteRequest, content: str) -> WrittenPrompt:
    """Describe a finished text: its variables, what covers each requirement, assumptions, and what the gates say."""
    return WrittenPrompt(
        content=content,
        variables=describe(content, request.language, declared_variables(request)),
        trace=trace(request.parsed.requirements, content, request.language),
        assumptions=assumptions(request),
        violations=check(request, content),
    )


def declared_variables(request: WriteRequest) -> tuple[Variable, ...]:
    """The variables that a prompt for this type of agent usually takes; all but the user's input may stay empty."""
    blank: JsonValue = ""
    return tuple(
        Variable(
            name=each.name,
            required=each.name == "user_input",
            default=None if each.name == "user_input" else blank,
            description=each.description,
        )
        for each in block_for(request).inputs
    )
