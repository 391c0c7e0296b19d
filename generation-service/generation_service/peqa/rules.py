"""PEQA without a model: the checks that code can judge, the arithmetic of the rubric, and one fix to begin
with.

Checks that only a model can judge are reported as `not_assessed` and count for nothing; none of them is
guessed.
"""

from collections.abc import Callable, Mapping, Sequence

from servicekit.normal_form import nfc
from servicekit.workers import steps

from generation_service.peqa.caps import caps_of
from generation_service.peqa.checks.content import (
    examples_agree,
    measured_lift,
    musts_covered,
    nothing_left_to_fill,
    output_contract,
    suits_model,
    tokens_against_information,
    variables_described,
)
from generation_service.peqa.checks.safety import data_delimited, nothing_private, variables_valid
from generation_service.peqa.checks.wording import (
    closed_structure,
    contradictions,
    measurable_limits,
    no_repetition,
    one_language,
    vague_words,
)
from generation_service.peqa.rubric import CHECKS, RUBRIC, Check
from generation_service.peqa.scoring import band_of, dimension_scores, overall_score, rounded
from generation_service.peqa.values import Assessment, Cap, CheckResult, Outcome, Subject, TopFix, Verdict
from generation_service.requirements.values import Requirement
from generation_service.text.data_tables import bilingual_texts
from generation_service.text.document import read
from generation_service.text.language import Language
from generation_service.writing.tracing import trace as trace_requirements
from generation_service.writing.values import TraceEntry
from generation_service.writing.variables import Variable

__all__ = ["ENGINE", "RUBRIC", "assess"]

ENGINE = "rules"

_MOST_EVIDENCE_CHARS = 200
_JUDGES: dict[str, Callable[[Subject], Outcome]] = {
    "C2": contradictions,
    "C3": vague_words,
    "C5": closed_structure,
    "C6": one_language,
    "S2": measurable_limits,
    "K1": musts_covered,
    "K2": variables_described,
    "K3": output_contract,
    "K5": examples_agree,
    "K6": nothing_left_to_fill,
    "E2": suits_model,
    "E3": no_repetition,
    "E4": tokens_against_information,
    "E5": measured_lift,
    "R1": data_delimited,
    "R5": variables_valid,
    "R6": nothing_private,
}


def assess(
    content: str,
    language: Language | None = None,
    requirements: Sequence[Requirement] = (),
    trace: Sequence[TraceEntry] = (),
    *,
    variables: Sequence[Variable] = (),
    token_limit: int | None = None,
) -> Assessment:
    """Score a prompt by code alone; the same input gives the same assessment.

    Args:
        content: the prompt; quotes in the result are substrings of its NFC form.
        language: the language that the prompt should be in; None: the one it is in. Fixes are in the
            content's.
        requirements: what the prompt has to cover.
        trace: which quote covers which requirement; each quote is looked for in the content and counts only
            when it is there. Without any, the trace is made here.
        variables: the declared variables; none: nothing is said about undeclared or unused ones.
        token_limit: most tokens that the model takes as a prompt; None: not judged.
    """
    document = read(content)
    wanted = language or document.language
    known = tuple(trace) or (trace_requirements(tuple(requirements), document.text, wanted) if requirements else ())
    quoted = tuple(TraceEntry(e.requirement_id, nfc(e.quote) if e.quote else None, e.covered) for e in known)
    subject = Subject(document, document.language, language, tuple(requirements), quoted, tuple(variables), token_limit)
    outcomes = {check.id: _judged(check, subject) for check in CHECKS}
    steps.enter("caps")
    caps = caps_of(subject, outcomes)
    results = tuple(_result(check, outcomes[check.id], subject) for check in CHECKS)
    return _assessment(results, caps)


def _judged(check: Check, subject: Subject) -> Outcome:
    steps.enter(check.id)
    if not check.is_by_code:
        return Outcome(Verdict.NOT_ASSESSED)
    if not subject.document.text.strip():
        return Outcome(Verdict.NOT_APPLICABLE)
    return _JUDGES[check.id](subject)


def _result(check: Check, outcome: Outcome, subject: Subject) -> CheckResult:
    language = subject.language
    is_judged = outcome.verdict in {Verdict.MET, Verdict.PARTLY, Verdict.NOT}
    quote = _evidence(subject, outcome) if is_judged else None
    fix = None
    if outcome.verdict in {Verdict.PARTLY, Verdict.NOT}:
        key = f"{check.id}.{outcome.variant}" if outcome.variant else check.id
        fix = fixes()[key][language].format_map(outcome.values)
    return CheckResult(
        id=check.id,
        dimension=check.dimension,
        title=check.titles[language],
        verdict=outcome.verdict,
        votes=(outcome.verdict,) if is_judged else (),
        evidence_quote=quote,
        absent=is_judged and quote is None,
        fix=fix,
    )


def fixes() -> Mapping[str, Mapping[Language, str]]:
    """What the author is told to do, by check and variant."""
    return bilingual_texts("generation_service.peqa", "fixes.toml")


def _evidence(subject: Subject, outcome: Outcome) -> str | None:
    if outcome.span is None:
        return None
    start, end = outcome.span
    text = subject.document.text[start : min(end, start + _MOST_EVIDENCE_CHARS)].strip()
    return text or None


def _assessment(results: tuple[CheckResult, ...], caps: tuple[Cap, ...]) -> Assessment:
    verdicts = {result.id: result.verdict for result in results}
    scores = dimension_scores(verdicts)
    overall = overall_score(scores, caps)
    return Assessment(
        overall=overall,
        band=band_of(overall),
        dimensions={str(name): None if score is None else rounded(score) for name, score in scores.items()},
        checks=results,
        caps=caps,
        top_fix=_top_fix(results, verdicts, caps, overall),
        rubric=RUBRIC,
        engine=ENGINE,
    )


def _top_fix(
    results: Sequence[CheckResult], verdicts: Mapping[str, Verdict], caps: Sequence[Cap], overall: float
) -> TopFix | None:
    """The fix that gains most; a text that is no prompt must first become one. Ties go to the rubric's
    order.
    """
    whole = next((cap for cap in caps if cap.check is None), None)
    if whole is not None:
        others = [cap for cap in caps if cap.check is not None]
        return TopFix(whole.id, whole.message, rounded(overall_score(dimension_scores(verdicts), others) - overall))
    fixes: list[TopFix] = []
    for result in results:
        if result.fix is not None:
            mended = dimension_scores({**verdicts, result.id: Verdict.MET})
            left = [cap for cap in caps if cap.check != result.id]
            fixes.append(TopFix(result.id, result.fix, rounded(overall_score(mended, left) - overall)))
    return max(fixes, key=lambda fix: fix.gain, default=None)
