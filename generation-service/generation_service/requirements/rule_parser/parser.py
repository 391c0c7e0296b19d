"""Understanding a description without a model: the deterministic `rules` engine."""

import re
from collections.abc import Iterator

from generation_service.requirements.agents import agent_type_of, detect_agent_type
from generation_service.requirements.concepts import find_concepts, is_only_concepts
from generation_service.requirements.rule_parser.classifier import classify
from generation_service.requirements.rule_parser.clauses import split_clauses, trimmed
from generation_service.requirements.rule_parser.goals import Head, read_head
from generation_service.requirements.rule_parser.kinds import kind_of, without_modal
from generation_service.requirements.rule_parser.lines import Clause
from generation_service.requirements.unknowns import find_unknowns
from generation_service.requirements.values import (
    InputClass,
    ParsedDescription,
    Priority,
    Requirement,
    RequirementKind,
    WantedLanguage,
)
from generation_service.text.language import Language, language_of

_SOFT = re.compile(
    r"最好|希望|尽量|尽可能|^\s*建议|如果可以|可以的话|有条件|优先|\b(?:ideally|preferably|optionally|nice to have"
    r"|if possible"
    r"|where possible|would be nice|should|prefer|hopefully)\b",
    re.IGNORECASE,
)
_HARD = re.compile(
    r"必须|务必|一定|禁止|不得|严禁|切勿|\b(?:must|never|always|required|shall|do not|don't)\b", re.IGNORECASE
)
_SAYS_NOTHING = re.compile(
    r"(?<!\W)\W*+(?:(?:it|they|you|this|that|he|she|the \w+)\s+)?(?:should|must|needs? to|will|can|has to|have to)"
    r"(?: be| do)?(?: the following)?\W*|(?<!\W)\W*+(?:具体)?(?:它|他)?(?:要求|需要|应该|必须|能够|可以|具体|如下|要)"
    r"(?:如下|包括|做到)?\W*",
    re.IGNORECASE,
)
_TELLING = frozenset({RequirementKind.CAPABILITY, RequirementKind.KNOWLEDGE, RequirementKind.FORMAT})
_TOO_SHORT_CHARS = 2


def parse(description: str, language: WantedLanguage = "auto") -> ParsedDescription:
    """Read a description into requirements, each with the exact words it stands on.

    Args:
        description: what `check_description` returned, at most 8 000 code points.
        language: language of the questions and of the prompt to write; `auto` takes the description's.

    Returns:
        The same value for the same arguments, in time linear in the length of the description.
    """
    chosen: Language = language_of(description) if language == "auto" else language
    clauses = split_clauses(description)
    head = read_head(description, clauses)
    found = _stated(description, clauses, head)
    agent_type = detect_agent_type(*_about_the_trade(description, found))
    input_class = classify(description, agent_type != "general", _is_only_injection(found))
    if input_class is not InputClass.OK:
        found = ()
    requirements = (*found, *_inferred(agent_type, chosen, len(found))) if found else ()
    unknowns = (
        find_unknowns(agent_type, requirements, description, chosen)
        if input_class in {InputClass.OK, InputClass.TOO_VAGUE}
        else ()
    )
    return ParsedDescription(description, chosen, input_class, agent_type, requirements, unknowns)


def _stated(description: str, clauses: tuple[Clause, ...], head: Head) -> tuple[Requirement, ...]:
    found: dict[str, Requirement] = {}

    def add(kind: RequirementKind, start: int, end: int, priority: Priority, text: str = "") -> None:
        quote = description[start:end]
        key = re.sub(r"\W+", "", quote).casefold()
        if key and key not in found:
            words = text or quote
            found[key] = Requirement(f"R{len(found) + 1}", kind, words, quote, priority, inferred=False)

    for kind, start, end in head.parts:
        add(kind, start, end, "must")
    for clause in clauses:
        overlaps = clause.end > head.start and clause.start < head.end
        start = max(clause.start, head.end) if overlaps else clause.start
        text = description[start : clause.end]
        if start >= clause.end or _SAYS_NOTHING.fullmatch(text):
            continue
        priority = _priority(f"{clause.label} {text}")
        for kind, low, high in _demands(description, clause, start):
            add(kind, low, high, priority)
    return tuple(found.values())


def _demands(description: str, clause: Clause, start: int) -> Iterator[tuple[RequirementKind, int, int]]:
    """What one clause asks for from `start` on: each known concept by itself, or all of it in its own words."""
    matches = find_concepts(description[start : clause.end])
    if any(match.concept.id == "injection" for match in matches):
        yield (RequirementKind.SAFETY, *trimmed(description, start, clause.end))
    elif clause.label != "example" and is_only_concepts(description[start : clause.end], matches):
        for match in matches:
            span = trimmed(description, start + match.start, start + match.end)
            if len(matches) == 1 and match.concept.keeps_words:
                span = without_modal(description, start, clause.end)
            yield (match.concept.kind, *span)
    else:
        low, high = _span(description, clause, start)
        if high - low >= _TOO_SHORT_CHARS or high - low == clause.end - clause.start:
            yield kind_of(description[low:high], clause.label, matches), low, high


def _about_the_trade(description: str, found: tuple[Requirement, ...]) -> tuple[str, str]:
    """What the agent is, and what else tells its trade; whom it serves and how it talks does not."""
    if not found:
        return description, ""
    goals = [each.source_quote or "" for each in found if each.kind is RequirementKind.GOAL]
    tasks = [each.source_quote or "" for each in found if each.kind in _TELLING]
    return goals[0] if goals else "", "\n".join([*goals, *tasks])


def _span(description: str, clause: Clause, start: int) -> tuple[int, int]:
    """What of a clause says what to do; an example is kept to the last full stop."""
    if clause.label != "example":
        return without_modal(description, start, clause.end)
    text = description[start : clause.end]
    return start + len(text) - len(text.lstrip()), start + len(text.rstrip())


def _priority(text: str) -> Priority:
    if _HARD.search(text) or any(match.concept.id == "limit" for match in find_concepts(text)):
        return "must"
    return "should" if _SOFT.search(text) else "must"


def _is_only_injection(found: tuple[Requirement, ...]) -> bool:
    return bool(found) and all(
        any(match.concept.id == "injection" for match in find_concepts(each.text)) for each in found
    )


def _inferred(agent_type: str, language: Language, stated: int) -> tuple[Requirement, ...]:
    texts = agent_type_of(agent_type).assumptions[language]
    return tuple(
        Requirement(f"R{stated + number}", RequirementKind.CONSTRAINT, text, None, "should", inferred=True)
        for number, text in enumerate(texts, start=1)
    )
