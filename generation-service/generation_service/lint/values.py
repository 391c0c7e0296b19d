"""What lint takes and gives."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from generation_service.text.document import Document
from generation_service.text.language import Language

Severity: TypeAlias = Literal["error", "warning", "info"]

MAX_CONTENT_BYTES = 256 * 1024
"""Largest content of a version, in bytes of UTF-8."""


class RuleName(StrEnum):
    """Every rule, under the name that clients see."""

    EMPTY = "empty"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    OVER_TOKEN_LIMIT = "over-token-limit"  # noqa: S105  (a rule's name)
    VAR_UNDEFINED = "var-undefined"
    VAR_UNUSED = "var-unused"
    VAR_MALFORMED = "var-malformed"
    MIXED_PLACEHOLDER_SYNTAX = "mixed-placeholder-syntax"
    REF_UNRESOLVED = "ref-unresolved"
    NO_ROLE = "no-role"
    NO_TASK = "no-task"
    NO_OUTPUT_FORMAT = "no-output-format"
    NO_CONSTRAINTS = "no-constraints"
    NO_FALLBACK = "no-fallback"
    VAGUE_WORD = "vague-word"
    CONTRADICTION_PAIR = "contradiction-pair"
    DUPLICATE_RULE = "duplicate-rule"
    NEGATIVE_ONLY = "negative-only"
    UNCLOSED_TAG = "unclosed-tag"
    HEADING_SKIP = "heading-skip"
    LANGUAGE_MISMATCH = "language-mismatch"
    LEFTOVER_PLACEHOLDER = "leftover-placeholder"
    UNDELIMITED_INPUT = "undelimited-input"
    EXAMPLE_CONTRACT_MISMATCH = "example-contract-mismatch"
    SECRET = "secret"  # noqa: S105  (a rule's name)
    PII = "pii"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend; `start` and `end` count code points of the content after NFC, both 0 for the whole
    text.
    """

    rule: str
    severity: Severity
    message: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the caller knows besides the text; None switches off the rules that would need it."""

    language: Language | None = None
    declared_variables: Collection[str] | None = None
    token_limit: int | None = None
    known_references: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule struck; `variant` picks the message, `values` fill it."""

    start: int = 0
    end: int = 0
    variant: str = ""
    values: Mapping[str, str | int] = field(default_factory=dict)


Check: TypeAlias = Callable[[Document, Expectations], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, how bad it is, and the function that finds it."""

    name: RuleName
    severity: Severity
    check: Check
