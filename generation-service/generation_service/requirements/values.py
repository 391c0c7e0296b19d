"""What a description asks for: the values that parsing makes and writing reads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from servicekit.json_types import JsonObject

from generation_service.text.language import Language

WantedLanguage: TypeAlias = Literal["auto"] | Language
"""The language asked for; `auto`: that of the description."""

Priority: TypeAlias = Literal["must", "should"]
Impact: TypeAlias = Literal["high", "medium", "low"]

MAX_DESCRIPTION_CHARS = 8_000
"""Longest description in Unicode code points after NFC."""


class InputClass(StrEnum):
    """Whether a description can become a prompt at all."""

    OK = "ok"
    TOO_VAGUE = "too_vague"
    NOT_A_PROMPT_REQUEST = "not_a_prompt_request"
    UNSAFE = "unsafe"


class RequirementKind(StrEnum):
    """What a requirement is about."""

    GOAL = "goal"
    AUDIENCE = "audience"
    CAPABILITY = "capability"
    CONSTRAINT = "constraint"
    FORMAT = "format"
    TONE = "tone"
    KNOWLEDGE = "knowledge"
    SAFETY = "safety"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing the prompt has to do; `source_quote` is a verbatim part of the description, None when inferred."""

    id: str
    kind: RequirementKind
    text: str
    source_quote: str | None
    priority: Priority
    inferred: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A question whose answer would change the prompt."""

    id: str
    question: str
    why: str
    impact: Impact


@dataclass(frozen=True, slots=True)
class ParsedDescription:
    """A description, understood; `agent_type` is a key of the agent table, `general` when none fits."""

    description: str
    language: Language
    input_class: InputClass
    agent_type: str
    requirements: tuple[Requirement, ...]
    unknowns: tuple[Unknown, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """Questions as JSON Schema 2020-12 with hints for a screen; `prefill` alone is a valid answer."""

    schema: JsonObject
    ui: JsonObject
    prefill: JsonObject
    fallback: bool
