"""A variable: what may be put in the place of a placeholder."""

from dataclasses import dataclass

MAX_VARIABLES = 100

VARIABLE_TYPES = ("string", "number", "boolean", "enum", "json")


@dataclass(frozen=True, slots=True)
class Variable:
    """A placeholder, described. The `_json` are JSON texts, empty for none; `max_chars` 0 sets no limit."""

    name: str
    type: str = "string"
    required: bool = True
    default_json: str = ""
    title: str = ""
    description: str = ""
    max_chars: int = 0
    example_json: str = ""
    options: tuple[str, ...] = ()
