"""Checks of robustness that code can judge: R1, R5, R6.

Verdicts of each:

- R1: of the variables that carry somebody's text, met when all are delimited, partly when some are; not
  applicable without.
- R5: not with malformed braces, malformed references or (when declarations are given) an undeclared variable;
  partly with a declared variable that isn't used; not applicable when there is neither a variable nor a
  declaration.
- R6: not with a secret, partly with personal data. The evidence shows no more than the first six characters.
"""

from generation_service.lint.checks.placeholders import (
    carries_text,
    enclosed_spans,
    is_delimited,
    ref_unresolved,
    var_malformed,
    var_undefined,
    var_unused,
)
from generation_service.lint.checks.safety import pii, secret
from generation_service.lint.values import Expectations
from generation_service.peqa.checks.wording import quote
from generation_service.peqa.values import Outcome, Subject, Verdict
from generation_service.text.variables import PlaceholderKind

_SHOWN_CHARS = 6
_NOTHING = Expectations()


def data_delimited(subject: Subject) -> Outcome:
    """R1: user data delimited."""
    document = subject.document
    enclosed = enclosed_spans(document)
    carriers = [
        each for each in document.placeholders if each.kind is PlaceholderKind.VARIABLE and carries_text(each.name)
    ]
    if not carriers:
        return Outcome(Verdict.NOT_APPLICABLE)
    bare = [each for each in carriers if not is_delimited(document, each, enclosed)]
    if not bare:
        return Outcome(Verdict.MET, (carriers[0].start, carriers[0].end))
    verdict = Verdict.PARTLY if len(bare) < len(carriers) else Verdict.NOT
    return Outcome(verdict, (bare[0].start, bare[0].end), values={"name": bare[0].name})


def variables_valid(subject: Subject) -> Outcome:
    """R5: variables valid and used."""
    document = subject.document
    names = frozenset(variable.name for variable in subject.variables)
    declared = Expectations(declared_variables=names if subject.variables else None)
    for check, variant in ((var_malformed, ""), (ref_unresolved, ""), (var_undefined, "undeclared")):
        for hit in check(document, declared):
            span = hit.start, hit.end
            return Outcome(Verdict.NOT, span, variant, {"text": quote(subject, span)})
    unused = [str(hit.values["name"]) for hit in var_unused(document, declared)]
    if unused:
        return Outcome(Verdict.PARTLY, None, "unused", {"names": ", ".join(sorted(unused)[:5])})
    used = [each for each in document.placeholders if each.kind is not PlaceholderKind.ESCAPED]
    return Outcome(Verdict.MET, (used[0].start, used[0].end)) if used else Outcome(Verdict.NOT_APPLICABLE)


def nothing_private(subject: Subject) -> Outcome:
    """R6: no secrets or personal data."""
    for hit in secret(subject.document, _NOTHING):
        return Outcome(Verdict.NOT, (hit.start, min(hit.end, hit.start + _SHOWN_CHARS)))
    for hit in pii(subject.document, _NOTHING):
        return Outcome(Verdict.PARTLY, (hit.start, min(hit.end, hit.start + _SHOWN_CHARS)), "pii")
    return Outcome(Verdict.MET)
