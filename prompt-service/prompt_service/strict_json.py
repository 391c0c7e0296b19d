"""Strict JSON (RFC 8259: no NaN, no Infinity) that callers send as text, and that is stored as that text."""

import json
from typing import Self

from servicekit.json_types import JsonValue


class VerbatimFloat(float):
    """A number that remembers how it was written, so that `1.10` is rendered as `1.10`."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Parse `text`, which is a JSON number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def loads(text: str) -> JsonValue:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, nested too deep, or has a number of thousands of digits.
    """
    try:
        value: JsonValue = json.loads(text, parse_float=VerbatimFloat, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def dumps(value: JsonValue, *, sort_keys: bool = False) -> str:
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
