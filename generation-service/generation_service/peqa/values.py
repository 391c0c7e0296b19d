"""What PEQA says about a prompt. The field names are those of the `assess` result in the REST contract."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias, cast

from servicekit.json_types import JsonObject

from generation_service.requirements.values import Requirement
from generation_service.text.document import Document
from generation_service.text.language import Language
from generation_service.writing.values import TraceEntry
from generation_service.writing.variables import Variable

Band: TypeAlias = Literal["ready", "usable", "weak", "poor"]
Engine: TypeAlias = str


class Dimension(StrEnum):
    """What is judged."""

    CLARITY = "clarity"
    SPECIFICITY = "specificity"
    COMPLETENESS = "completeness"
    EFFECTIVENESS = "effectiveness"
    ROBUSTNESS = "robustness"


class Verdict(StrEnum):
    """What a check found; only the first three count in the score."""

    MET = "met"
    PARTLY = "partly"
    NOT = "not"
    NOT_APPLICABLE = "not_applicable"
    NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's verdict.

    Attributes:
        id: the check in the rubric, such as "C3".
        dimension: what it counts for.
        title: what is asked, in the content's language.
        verdict: the answer.
        votes: the verdicts that were given; code gives one, an engine that doesn't judge gives none.
        evidence_quote: a substring of the content that the verdict rests on; None when there is none.
        absent: true when the verdict rests on something that the content doesn't have.
        fix: what to do to meet the check, None when nothing is to be done.
    """

    id: str
    dimension: Dimension
    title: str
    verdict: Verdict
    votes: tuple[Verdict, ...]
    evidence_quote: str | None
    absent: bool
    fix: str | None


@dataclass(frozen=True, slots=True)
class Cap:
    """A finding that limits the overall score whatever the checks say; `check` is the check that would lift
    it.
    """

    id: str
    limit: int
    check: str | None
    message: str


@dataclass(frozen=True, slots=True)
class TopFix:
    """What to do first: the fix that would raise the overall score the most, and by how much."""

    id: str
    fix: str
    gain: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """A scored prompt; every score is 0 to 100 with one decimal, None for a dimension without an applicable
    check.
    """

    overall: float
    band: Band
    dimensions: dict[str, float | None]
    checks: tuple[CheckResult, ...]
    caps: tuple[Cap, ...]
    top_fix: TopFix | None
    rubric: str
    engine: Engine

    def to_json(self) -> JsonObject:
        """The assessment as the JSON object that clients get."""
        return cast("JsonObject", asdict(self))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is assessed, and what it is held against."""

    document: Document
    language: Language
    wanted_language: Language | None
    requirements: tuple[Requirement, ...]
    trace: tuple[TraceEntry, ...]
    variables: tuple[Variable, ...]
    token_limit: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the code of a check found; `span` is the evidence, None when something is absent."""

    verdict: Verdict
    span: tuple[int, int] | None = None
    variant: str = ""
    values: Mapping[str, str | int] = field(default_factory=dict)
