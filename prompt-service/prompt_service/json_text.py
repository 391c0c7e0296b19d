"""JSON that callers send as text inside a message, and that is stored and given back as that text."""

import json
from typing import Self, TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"


class GivenFloat(float):
    """A number that remembers how it was written, so that `1.10` is rendered as `1.10`."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Parse `text`, which is a JSON number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text: str) -> JsonValue:
    """The value of a JSON text (RFC 8259: no NaN, no Infinity).

    Raises:
        ValueError: it is not JSON, nested too deep, or has a number of thousands of digits.
    """
    try:
        value: JsonValue = json.loads(text, parse_float=GivenFloat, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def compact(value: JsonValue, *, sort_keys: bool = False) -> str:
    """The value as JSON without spaces, characters as they are.

    Raises:
        ValueError: a number in it is too large for a float, or it is nested too deep.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")
