"""What writing takes and gives."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from servicekit.json_types import JsonObject

from generation_service.requirements.values import ParsedDescription
from generation_service.text.language import Language
from generation_service.writing.variables import Variable

Layout: TypeAlias = Literal["markdown", "xml", "co-star", "langgpt"]
LAYOUTS: tuple[Layout, ...] = ("markdown", "xml", "co-star", "langgpt")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """An order for one prompt: what was understood, what the form brought, and how the prompt should look."""

    parsed: ParsedDescription
    answers: JsonObject
    layout: Layout
    language: Language
    max_tokens: int | None


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """Which verbatim quote of the prompt covers a requirement; `quote` is None when none does."""

    requirement_id: str
    quote: str | None
    covered: bool


@dataclass(frozen=True, slots=True)
class GateViolation:
    """A reason why a prompt must not be handed out; `code` is stable, `detail` names the exact place or figure."""

    code: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class WrittenPrompt:
    """A finished prompt with everything that is known about it."""

    content: str
    variables: tuple[Variable, ...]
    trace: tuple[TraceEntry, ...]
    assumptions: tuple[str, ...]
    violations: tuple[GateViolation, ...]
