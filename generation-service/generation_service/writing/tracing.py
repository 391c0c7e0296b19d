"""Which quote of a prompt covers a requirement: by code, so that it can be checked again on any edited text.

A sentence covers a requirement when it is one that we write for the requirement's known concept, or says the user's
words (at least four fifths of them), or names the known concept in its label. Headings, tags, fences and the
descriptions of variables don't count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from generation_service.requirements.agents import GENERAL, counterpart, detect_agent_type
from generation_service.requirements.concepts import ConceptMatch, find_concepts, is_only_concepts
from generation_service.requirements.people import people_of
from generation_service.requirements.values import Requirement, RequirementKind
from generation_service.text.data_tables import load_table, text_of, texts_of
from generation_service.text.language import Language
from generation_service.text.sentences import QUOTE_ENDS, cut
from generation_service.writing.blocks import all_sentences
from generation_service.writing.phrasing import tidy
from generation_service.writing.values import TraceEntry

ENOUGH = 0.8
"""Share of a requirement's words that a sentence has to say."""

_MARK = re.compile(r"^\s*(?:[-*+•]\s+|\d{1,3}[.)、]\s*|>\s*)?")
_SKIPPED = re.compile(r"^\s*(?:#{1,6}\s|</?[A-Za-z_][\w-]*>\s*$|\{\{|`{3,}|~{3,}|`\w+` — )")
_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[a-z0-9]+(?:[.+#][a-z0-9]+)*[+#]*")
_NOT = re.compile(r"\b(?:do|does|did|is|are|must|should|could|would|can|ca|wo)\s?(?:not|n['’]?t)\b")
# To name a task in order to say what lies outside it is not to give it.
_OUTSIDE = re.compile(r"不做|请求不属于|(?:do (?:not|nothing)|when a request lies outside)\b", re.IGNORECASE)
_ROLE = re.compile(r"你是|你负责|您是|作为|担任|扮演|you are|act as|your role", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A line or sentence of the prompt with its place in code points."""

    text: str
    words: frozenset[str]


def trace(requirements: tuple[Requirement, ...], content: str, language: Language) -> tuple[TraceEntry, ...]:
    """Find the quote that covers each requirement, in the order of the requirements.

    Each quote is a substring of `content`; a requirement that nothing covers has no quote and counts as uncovered.
    """
    units = tuple(_units(content))
    return tuple(_entry(requirement, units, content, language) for requirement in requirements)


def covers(requirement: Requirement, text: str, language: Language) -> bool:
    """Whether a text, taken alone, covers the requirement."""
    return any(_strength(requirement, unit, language) >= ENOUGH for unit in _units(text))


def _entry(requirement: Requirement, units: tuple[Unit, ...], content: str, language: Language) -> TraceEntry:
    if requirement.kind is RequirementKind.EXAMPLE and (quote := _example_quote(requirement, content)):
        return TraceEntry(requirement.id, quote, covered=True)
    best: Unit | None = None
    strength = 0.0
    for unit in units:
        found = _strength(requirement, unit, language)
        if found > strength or (best and found == strength > 0 and _says_better(requirement, unit, best)):
            best, strength = unit, found
    covered = best is not None and strength >= ENOUGH
    return TraceEntry(requirement.id, best.text if best and covered else None, covered)


def _says_better(requirement: Requirement, unit: Unit, best: Unit) -> bool:
    """Of two units that cover it the shorter is to the point; a role is the whole line that states it."""
    if requirement.kind is RequirementKind.GOAL:
        return best.text in unit.text
    return len(unit.text) < len(best.text)


def _strength(requirement: Requirement, unit: Unit, language: Language) -> float:
    """How well a unit covers a requirement: 0 not at all, 1 word for word or by a sentence of ours."""
    if requirement.inferred:
        return _overlap(counterpart(requirement.text, language), unit)
    source = requirement.source_quote or requirement.text
    if requirement.kind is RequirementKind.GOAL and _OUTSIDE.match(unit.text):
        return 0.0
    matches = find_concepts(source)
    only = is_only_concepts(source, matches)
    for match in matches:
        # A known concept inside a longer demand does not make the rest of the demand said.
        if (only or match.concept.id == "injection") and any(
            sentence in unit.text for sentence in _sentences(match.concept.id, language)
        ):
            return 1.0
    if requirement.kind is RequirementKind.GOAL and _plays(source, unit.text):
        return 1.0
    if only and _names(matches, unit.text):
        return 0.9
    return max(_overlap(text, unit) for text in {source, requirement.text})


def _plays(goal: str, text: str) -> bool:
    role = _ROLE.search(text)
    if role is None:
        return False
    wanted = detect_agent_type(goal, goal)
    spoken = text[role.start() :]
    return wanted != GENERAL and detect_agent_type(spoken, spoken) == wanted


def _names(matches: tuple[ConceptMatch, ...], text: str) -> bool:
    """Whether the known concept is named where a rule names its subject: at its beginning, or in a short sentence."""
    wanted = {match.concept.id for match in matches}
    spoken = find_concepts(text)
    near = [match for match in spoken if match.start <= 16 or len(text) <= 60]
    return wanted <= {match.concept.id for match in near}


def _overlap(source: str, unit: Unit) -> float:
    wanted = _wanted(source)
    return len(wanted & unit.words) / len(wanted) if wanted else 0.0


@lru_cache(maxsize=1024)  # every sentence of the prompt is compared with the same requirements
def _wanted(source: str) -> frozenset[str]:
    return _words(people_of(tidy(source)))


def _example_quote(requirement: Requirement, content: str) -> str | None:
    lines = [line.strip() for line in (requirement.source_quote or requirement.text).splitlines() if line.strip()]
    found = [line for line in lines if line in content]
    return max(found, key=len) if found and len(found) == len(lines) else None


def _units(content: str) -> Iterator[Unit]:
    for line in content.splitlines():
        if _SKIPPED.match(line) or not line.strip():
            continue
        mark = _MARK.match(line)
        body = line[mark.end() if mark else 0 :].strip()
        yield Unit(body, _words(body))
        sentences = [body[start:end].strip() for start, end in cut(body, QUOTE_ENDS)]
        if len(sentences) > 1:
            yield from (Unit(sentence, _words(sentence)) for sentence in sentences if sentence)


def _words(text: str) -> frozenset[str]:
    """Stemmed Latin words, and pairs of neighbouring Han characters."""
    stop_words, stop_han = _stop_words()
    folded = _NOT.sub(" not ", text.lower().replace("\\{{", "{{"))
    words = {_stem(word) for word in _WORD.findall(folded) if word not in stop_words}
    for run in _HAN_RUN.findall(folded):
        words |= {run[index : index + 2] for index in range(len(run) - 1)} if len(run) > 1 else {run}
    kept = {word for word in words if word not in stop_han}
    # "做" of "做PPT" vanishes in "负责做PPT", where it stands in other pairs.
    kept = {word for word in kept if len(word) > 1 or not _HAN_RUN.match(word)} or kept
    return frozenset(kept or words)


@cache
def _stop_words() -> tuple[frozenset[str], frozenset[str]]:
    table = load_table("generation_service.writing", "stop_words.toml")
    return frozenset(texts_of(table, "en")), frozenset(text_of(table, "zh"))


def _stem(word: str) -> str:
    if word.endswith("ss"):
        return word
    for ending, bare in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ss", "ss"),
        ("ing", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("e", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + bare
    return word


@cache
def _sentences(concept: str, language: Language) -> tuple[str, ...]:
    return all_sentences(concept, language)
