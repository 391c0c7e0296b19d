"""JSON as providers write it: the strict reader first, then a lenient one for what only Python's own writer makes."""

import json

import orjson
from servicekit.json_types import JsonValue


def read_json(text: str) -> JsonValue:
    """The value of a text.

    Beyond the standard it takes `NaN` and `Infinity` (log probabilities of Python servers), bare control characters
    in strings, and halves of surrogate pairs, which `well_formed` and `SurrogateMender` mend afterwards.

    Raises:
        ValueError: it is no JSON, or nested beyond any use.
    """
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(text, strict=False)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return value


def well_formed(text: str) -> str:
    """The text with U+FFFD in the place of each half of a surrogate pair that is alone; whole pairs are joined."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateMender:
    """Joins a character whose two UTF-16 halves came in two frames; what stays alone becomes U+FFFD."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """The text that is certain now: a first half at its end waits for the next piece."""
        text = self._half + text
        self._half = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return well_formed(text)

    def finish(self) -> str:
        """U+FFFD for a half that waited in vain."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""
