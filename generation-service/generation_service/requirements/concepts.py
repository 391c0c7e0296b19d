"""Words with a known meaning ("patient", "不超过 200 字"), found in either language."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from generation_service.requirements.values import RequirementKind
from generation_service.text.data_tables import load_table, text_of, texts_of
from generation_service.text.language import Language
from generation_service.text.negation import is_negated


@dataclass(frozen=True, slots=True)
class Concept:
    """A known concept; `keeps_words` when the user's own words (a number, an object) carry part of the meaning."""

    id: str
    kind: RequirementKind
    pattern: re.Pattern[str]
    labels: dict[Language, str]
    keeps_words: bool
    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConceptMatch:
    """Where a concept stands in a text, in code points."""

    concept: Concept
    start: int
    end: int


@cache
def concepts() -> dict[str, Concept]:
    """All known concepts by id, in the order of the table."""
    table = load_table("generation_service.requirements", "concepts.toml")
    found: dict[str, Concept] = {}
    for concept_id, row in table.items():
        if not isinstance(row, dict):
            continue
        alternatives = [text for text in (text_of(row, "zh"), text_of(row, "en")) if text]
        found[concept_id] = Concept(
            id=concept_id,
            kind=RequirementKind(text_of(row, "kind")),
            pattern=re.compile("|".join(f"(?:{text})" for text in alternatives), re.IGNORECASE),
            labels={"zh": text_of(row, "label_zh"), "en": text_of(row, "label_en")},
            keeps_words=row.get("keeps_words") is True,
            conflicts=texts_of(row, "conflicts"),
        )
    return found


@lru_cache(maxsize=2048)  # the same clauses are asked about in parsing, writing and tracing
def find_concepts(text: str) -> tuple[ConceptMatch, ...]:
    """Find the concepts of a text, leftmost first; of two that overlap the longer stays, what is denied does not."""
    matches = [
        ConceptMatch(concept, match.start(), match.end())
        for concept in concepts().values()
        for match in concept.pattern.finditer(text)
        if match.end() > match.start() and not is_negated(text, match.start())
    ]
    matches.sort(key=lambda found: (found.start, -(found.end - found.start)))
    kept: list[ConceptMatch] = []
    for match in matches:
        if not kept or match.start >= kept[-1].end:
            kept.append(match)
        elif match.end - match.start > kept[-1].end - kept[-1].start:
            kept[-1] = match
    return tuple(kept)


# What may stand around concepts without adding a meaning of its own ("需要", "a ... tone").
_FILLERS = re.compile(
    r"需要|要求|必须|一定|应该|务必|能够|能|可以|会|要|应|比较|非常|十分|特别|足够|保持|做到|态度|语气|风格|口吻|语言|文字"
    r"|回答问题|回答|回复|答复|表达|内容|输出|说话|服务|工作|处理|以及|并且|而且|同时|最好|希望|尽量|尽可能|一些|一点|更加|且|又|和|与|及|并"
    r"|还|也|既|是|有|很|更|的|地|得|请|使用|用|以|感|性|人|它|或|为|上|来|时|讲话|做事|"
    r"\b(?:needs?|to|be|being|is|are|was|must|should|shall|can|could|will|would|very|really|quite|and|or|but|also|always"
    r"|both|an?|the|tone|style|voice|manner|in|with|keep|stay|remain|sound|answers?|repl(?:y|ies)|responses?|respond|it|its"
    r"|it's|who|that|which|highly|more|use|using|language|i|we|want|make|sure|please|speak|write|has|have|of|way|ideally"
    r"|preferably|possible|if|as|but|yet|our|your|explanations?|communicat\w*|approach|attitude|all|times?|at|yet|while|ensure|everything)\b",
    re.IGNORECASE,
)
_SUBSTANCE = re.compile(r"[^\W_]", re.UNICODE)


def is_only_concepts(text: str, matches: tuple[ConceptMatch, ...]) -> bool:
    """Whether the text says nothing beyond its concepts."""
    if not matches:
        return False
    rest: list[str] = []
    position = 0
    for match in matches:
        rest.append(text[position : match.start])
        position = match.end
    rest.append(text[position:])
    return not _SUBSTANCE.search(_FILLERS.sub(" ", " ".join(rest)))
