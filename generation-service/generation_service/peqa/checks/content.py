"""Checks of what a prompt has: K1, K2, K3, K5, K6, E2, E4, E5.

Verdicts of each:

- K1: met when a verified quote covers every *must* requirement, partly from half of them; not applicable
  without any.
- K2: a variable is described by its declaration, by other words on its line, by a named tag or quote marks
  around it, or by the line above; met for all, partly for some; not applicable without variables.
- K3: met when a section or a sentence says what the answer looks like, partly when the section is nearly
  empty.
- K5: not when lint finds an example that breaks a JSON contract; not applicable without examples or such a
  contract.
- K6: not with text left to be filled in, partly with placeholders in a style that is never filled in.
- E2: against `token_limit`, met up to four fifths of it, partly up to all of it; not assessed without one.
- E4: met when role, task, rules, output and fallback are all there, partly when one or two are missing or the
  text is very long, not when more are missing: the information that the tokens should buy.
- E5: not applicable; nobody has measured.
"""

import re

from generation_service.lint.checks.examples import contract_keys, demands_json, example_contract_mismatch
from generation_service.lint.checks.parts import evidence_of
from generation_service.lint.checks.placeholders import leftover_placeholder, mixed_placeholder_syntax
from generation_service.lint.checks.structure import MOST_CHARS, units
from generation_service.lint.values import Expectations
from generation_service.peqa.checks.wording import first_line, quote
from generation_service.peqa.values import Outcome, Subject, Verdict
from generation_service.text.data_tables import bilingual_texts
from generation_service.text.parts_vocabulary import Part
from generation_service.text.tokens import estimate_tokens
from generation_service.text.variables import Placeholder, PlaceholderKind

_CORE = (Part.ROLE, Part.TASK, Part.RULES, Part.OUTPUT, Part.FALLBACK)
_MOST_MISSING = 2
_LEAST_UNITS = 4
_NEAR_CHARS = 100
_COMFORTABLE = 0.8
_FENCE_ABOVE = re.compile(r"(?:```|~~~)[ \t]*\w{0,20}\s*$")
_NOTHING = Expectations()


def musts_covered(subject: Subject) -> Outcome:
    """K1: share of must requirements with a verified trace."""
    musts = [requirement for requirement in subject.requirements if requirement.priority == "must"]
    if not musts:
        return Outcome(Verdict.NOT_APPLICABLE)
    text = subject.document.text
    quotes = {entry.requirement_id: entry.quote for entry in subject.trace if entry.covered and entry.quote}
    places = {must.id: text.find(quotes[must.id]) for must in musts if must.id in quotes}
    verified = {must_id: (place, place + len(quotes[must_id])) for must_id, place in places.items() if place >= 0}
    evidence = next(iter(verified.values()), None)
    missing = [must for must in musts if must.id not in verified]
    if not missing:
        return Outcome(Verdict.MET, evidence)
    values = {"ids": ", ".join(must.id for must in missing[:5]), "text": missing[0].text}
    verdict = Verdict.PARTLY if 2 * len(verified) >= len(musts) else Verdict.NOT
    return Outcome(verdict, evidence, values=values)


def variables_described(subject: Subject) -> Outcome:
    """K2: every variable described."""
    declared = {variable.name for variable in subject.variables if variable.description}
    found: dict[str, tuple[int, int]] = {}
    undescribed: dict[str, tuple[int, int]] = {}
    for each in subject.document.placeholders:
        if each.kind is not PlaceholderKind.VARIABLE:
            continue
        if each.name in declared or _is_described(subject, each):
            found.setdefault(each.name, (each.start, each.end))
        else:
            undescribed.setdefault(each.name, (each.start, each.end))
    missing = [name for name in undescribed if name not in found]
    if not missing:
        return Outcome(Verdict.MET, next(iter(found.values()))) if found else Outcome(Verdict.NOT_APPLICABLE)
    return Outcome(
        Verdict.PARTLY if found else Verdict.NOT, undescribed[missing[0]], values={"names": ", ".join(missing[:5])}
    )


def _is_described(subject: Subject, each: Placeholder) -> bool:
    document = subject.document
    line = document.line_at(each.start)
    nearby = document.prose[max(line.start, each.start - _NEAR_CHARS) : min(line.end, each.end + _NEAR_CHARS)]
    if units(nearby) >= _LEAST_UNITS:
        return True
    window = document.text[max(0, each.start - _NEAR_CHARS) : each.start]
    before = _FENCE_ABOVE.sub("", window).rstrip(" \t\r\n`\"'“「《")
    last_line = before.rsplit("\n", 1)[-1].strip()
    return last_line.endswith((":", "：", ">", "】", "**")) or last_line.startswith("#")


def output_contract(subject: Subject) -> Outcome:
    """K3: there is an output contract."""
    span = evidence_of(subject.document, Part.OUTPUT)
    if span is None:
        return Outcome(Verdict.NOT)
    for section in subject.document.sections:
        if section.start == span[0] and Part.OUTPUT in section.parts:
            if units(subject.document.text[section.body_start : section.end]) < _LEAST_UNITS:
                return Outcome(Verdict.PARTLY, span, "thin", {"text": quote(subject, span)})
            break
    return Outcome(Verdict.MET, span)


def examples_agree(subject: Subject) -> Outcome:
    """K5: examples agree with the contract."""
    document = subject.document
    if not document.examples or not (demands_json(document) or contract_keys(document)[0]):
        return Outcome(Verdict.NOT_APPLICABLE)
    for hit in example_contract_mismatch(document, _NOTHING):
        span = hit.start, hit.end
        return Outcome(Verdict.NOT, span, values={"text": quote(subject, span)})
    return Outcome(Verdict.MET, document.examples[0])


def nothing_left_to_fill(subject: Subject) -> Outcome:
    """K6: no placeholders left."""
    for hit in leftover_placeholder(subject.document, _NOTHING):
        span = hit.start, hit.end
        return Outcome(Verdict.NOT, span, values={"text": quote(subject, span)})
    for hit in mixed_placeholder_syntax(subject.document, _NOTHING):
        return Outcome(Verdict.PARTLY, (hit.start, hit.end), "style", hit.values)
    return Outcome(Verdict.MET)


def suits_model(subject: Subject) -> Outcome:
    """E2: suits the model, as far as its size goes."""
    limit = subject.token_limit
    if limit is None:
        return Outcome(Verdict.NOT_ASSESSED)
    estimate = estimate_tokens(subject.document.text)
    if estimate <= _COMFORTABLE * limit:
        return Outcome(Verdict.MET, first_line(subject))
    values = {"estimate": estimate, "limit": limit}
    return Outcome(Verdict.PARTLY if estimate <= limit else Verdict.NOT, first_line(subject), values=values)


def tokens_against_information(subject: Subject) -> Outcome:
    """E4: tokens against information."""
    document = subject.document
    missing = [part for part in _CORE if evidence_of(document, part) is None]
    if missing:
        verdict = Verdict.PARTLY if len(missing) <= _MOST_MISSING else Verdict.NOT
        separator = "；" if subject.language == "zh" else "; "
        part_names = bilingual_texts("generation_service.peqa", "part_names.toml")
        names = separator.join(part_names[part][subject.language] for part in missing)
        return Outcome(verdict, values={"parts": names})
    if len(document.text) > MOST_CHARS:
        return Outcome(Verdict.PARTLY, first_line(subject), "long", {"length": len(document.text)})
    return Outcome(Verdict.MET, first_line(subject))


def measured_lift(_: Subject) -> Outcome:
    """E5: measured lift; there is no measurement here."""
    return Outcome(Verdict.NOT_APPLICABLE)
