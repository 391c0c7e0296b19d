"""From a variable and the value given for it to the text that stands in its place."""

import math

from servicekit.json_types import JsonValue
from servicekit.normal_form import nfc

from prompt_service import strict_json
from prompt_service.rendering.variables import Variable
from prompt_service.strict_json import VerbatimFloat
from prompt_service.validation import problem_of_text

_MUST_BE = {
    "string": "Give a text (a JSON string).",
    "number": "Give a number, without quotes.",
    "boolean": "Give true or false, without quotes.",
}


class UnfitValueError(ValueError):
    """The value does not fit the variable; the message is the sentence for whoever gave it."""


def text_of(variable: Variable, value: JsonValue) -> str:
    """What is put in the place of the variable: texts as they are, booleans as `true`, JSON without spaces.

    Raises:
        UnfitValueError: wrong type, not one of the options, too long, or with characters that no text may
            hold.
    """
    text = _as_text(variable, value)
    problem = problem_of_text(text)
    if problem:
        raise UnfitValueError(problem)
    if variable.max_chars:
        length = len(nfc(text))
        if length > variable.max_chars:
            raise UnfitValueError(f"Use at most {variable.max_chars} characters; this has {length}.")
    return text


def _as_text(variable: Variable, value: JsonValue) -> str:
    match variable.type, value:
        case "json", _:
            return _as_json(value)
        case "boolean", bool():
            return "true" if value else "false"
        case "number", int() | float() if not isinstance(value, bool):
            return _as_number(value)
        case "string", str():
            return value
        case "enum", str() if value in variable.options:
            return value
        case "enum", _:
            raise UnfitValueError(f"Give one of: {', '.join(variable.options)}.")
    raise UnfitValueError(_MUST_BE[variable.type])


def _as_json(value: JsonValue) -> str:
    try:
        return strict_json.dumps(value)
    except ValueError as error:
        raise UnfitValueError("A number in this is too large, or it is nested too deep.") from error


def _as_number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise UnfitValueError("This number is too large.")
    return value.text if isinstance(value, VerbatimFloat) else repr(value)
