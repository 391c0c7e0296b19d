"""The input of runs, checked: lengths, words and JSON, whoever the client is."""

from typing import cast

import orjson
from servicekit.errors import InvalidArgument, Violation, invalid_field
from servicekit.json_types import JsonObject

from generation_service.writing.values import LAYOUTS, Layout

MAX_ANSWERS_BYTES = 64 * 1024
DEFAULT_MAX_TOKENS = 4_000
LEAST_TOKENS = 200
MOST_TOKENS = 32_000


def below_input(error: InvalidArgument) -> InvalidArgument:
    """The same error of a value that stands inside the `input` of a run."""
    violations = [Violation(f"/input{one.pointer}", one.message) for one in error.violations]
    return InvalidArgument(error.message, reason=error.reason, metadata=error.metadata, violations=violations)


def checked_layout(layout: str) -> Layout:
    """The layout, `markdown` when none is named.

    Raises:
        InvalidArgument: there is no such layout.
    """
    if layout and layout not in LAYOUTS:
        raise invalid_field("/input/layout", f"must be one of {', '.join(LAYOUTS)}")
    return layout or "markdown"


def checked_max_tokens(max_tokens: int) -> int:
    """The bound of the prompt's tokens.

    Raises:
        InvalidArgument: outside of what may be asked for.
    """
    if max_tokens == 0:
        return DEFAULT_MAX_TOKENS
    if not LEAST_TOKENS <= max_tokens <= MOST_TOKENS:
        raise invalid_field("/input/max_tokens", f"must be between {LEAST_TOKENS} and {MOST_TOKENS}")
    return max_tokens


def parsed_answers(text: str) -> JsonObject:
    """The answers to a form; none for an empty text.

    Raises:
        InvalidArgument: too long, or not a JSON object.
    """
    if not text:
        return {}
    if len(text.encode()) > MAX_ANSWERS_BYTES:
        raise invalid_field("/input/answers", f"must have at most {MAX_ANSWERS_BYTES} bytes")
    try:
        answers = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid_field("/input/answers", "must be a JSON object") from None
    if not isinstance(answers, dict):
        raise invalid_field("/input/answers", "must be a JSON object")
    return cast("JsonObject", answers)
