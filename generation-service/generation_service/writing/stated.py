"""The user's own wishes as items of the prompt: each becomes something to do, in the section where it belongs."""

from dataclasses import dataclass, field

from generation_service.requirements.concepts import Concept, ConceptMatch, concepts, find_concepts, is_only_concepts
from generation_service.requirements.description import detect_language
from generation_service.requirements.domain import Language, Requirement, RequirementKind
from generation_service.writing.blocks import behaviour, frame, tension
from generation_service.writing.document import KEEP, Item, SectionName
from generation_service.writing.phrasing import fenced, fill, imperative, is_in, is_negative, people_of, tidy

SHOULD = 1
"""Rank of a wish that is not a must, and of what we assumed."""

_SECTIONS: dict[RequirementKind, SectionName] = {
    RequirementKind.AUDIENCE: "audience",
    RequirementKind.CAPABILITY: "tasks",
    RequirementKind.GOAL: "tasks",
    RequirementKind.FORMAT: "output",
    RequirementKind.TONE: "tone",
    RequirementKind.EXAMPLE: "examples",
}
_LONGEST_LABEL = 24


@dataclass
class Stated:
    """Items by section while they are gathered, and which concepts have had their sentence."""

    language: Language
    agent_type: str
    items: dict[SectionName, list[Item]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    has_negative: bool = False

    def add(self, section: SectionName, text: str, rank: int = KEEP) -> None:
        """Append an item unless the section has it already."""
        item = Item(text, rank)
        items = self.items.setdefault(section, [])
        if item not in items:
            items.append(item)

    def add_audience(self, text: str, rule: str, rank: int = KEEP) -> None:
        """Append whom the agent serves and what that means for its words."""
        self.add("audience", fill(frame("audience_how", self.language), audience=people_of(text), rule=rule), rank)

    def add_concept(self, concept: Concept, words: list[str], rank: int = KEEP) -> None:
        """Append what a known wish means, under the user's words for it or our own."""
        if concept.id in self.said:
            return
        self.said.add(concept.id)
        rule = behaviour(concept.id, self.agent_type, self.language)
        fitting = [word for word in words if len(word) <= _LONGEST_LABEL and detect_language(word) == self.language]
        joint = "、" if self.language == "zh" else ", "
        label = joint.join(dict.fromkeys(fitting)) or concept.labels[self.language]
        section = _section_of(concept, rule.section if rule else "rules")
        if section == "audience" and rule:
            self.add_audience(label.lower(), rule.sentence, rank)
            return
        label = label[:1].upper() + label[1:]
        text = fill(frame("said", self.language), label=label, rule=rule.sentence if rule else label)
        self.add(section, text, rank)


def gather(requirements: tuple[Requirement, ...], agent_type: str, language: Language) -> Stated:
    """Turn all stated requirements but the goal into items, in the order in which they were stated."""
    stated = Stated(language, agent_type)
    wanted = [each for each in requirements if not each.inferred and each.source_quote is not None]
    goal = next((each for each in wanted if each.kind is RequirementKind.GOAL), None)
    wishes = [each for each in wanted if each is not goal]
    pure = _pure_concepts(wishes)
    _settle_tensions(stated, pure)
    for wish in wishes:
        rank = KEEP if wish.priority == "must" else SHOULD
        source = wish.source_quote or wish.text
        if wish.kind is RequirementKind.EXAMPLE:
            stated.add("examples", fenced(source), rank)
            continue
        matches = find_concepts(source)
        if is_only_concepts(source, matches) and not _needs_its_words(matches, source, language):
            for match in matches:
                words = pure.get(match.concept.id, [source])
                stated.add_concept(match.concept, words, rank)
            continue
        _add_words(stated, wish, rank)
    return stated


def _needs_its_words(matches: tuple[ConceptMatch, ...], source: str, language: Language) -> bool:
    """A number, a format or an addressee is in the user's words only."""
    return is_in(source, language) and any(match.concept.keeps_words for match in matches)


def _add_words(stated: Stated, wish: Requirement, rank: int) -> None:
    """A wish in the user's own words, with the behaviour of the first known wish inside it when that is new."""
    language = stated.language
    source = wish.source_quote or wish.text
    text = tidy(source)
    section = _SECTIONS.get(wish.kind, "rules")
    if not is_in(text, language):
        stated.add("rules" if section == "audience" else section, fill(frame("quoted", language), text=text), rank)
        return
    if section != "audience":
        text = imperative(text)
        text = text[:1].upper() + text[1:]
    new = next((found.concept for found in find_concepts(source) if found.concept.id not in stated.said), None)
    rule = behaviour(new.id, stated.agent_type, language) if new else None
    if new and rule:
        stated.said.add(new.id)
        if section != "tasks":
            section = _section_of(new, rule.section)
        if section == "audience":
            stated.add_audience(text, rule.sentence, rank)
        else:
            stated.add(section, fill(frame("practice", language), text=text, rule=rule.sentence), rank)
    elif is_negative(text) and not stated.has_negative:
        stated.has_negative = True
        stated.add("rules", fill(frame("plain", language), text=fill(frame("negative", language), text=text)), rank)
    elif section == "audience":
        stated.add("audience", audience_sentence(text, language), rank)
    else:
        stated.add(section, fill(frame("plain", language), text=text), rank)


def audience_sentence(text: str, language: Language) -> str:
    """Say whom the agent serves, whatever preposition the user began with."""
    return fill(frame("audience", language), audience=people_of(text))


def _pure_concepts(wishes: list[Requirement]) -> dict[str, list[str]]:
    """The user's words for each known wish that is stated by itself."""
    words: dict[str, list[str]] = {}
    for wish in wishes:
        source = wish.source_quote or wish.text
        matches = find_concepts(source)
        if is_only_concepts(source, matches):
            for match in matches:
                words.setdefault(match.concept.id, []).append(
                    tidy(source if len(matches) == 1 else source[match.start : match.end])
                )
    return words


def _settle_tensions(stated: Stated, pure: dict[str, list[str]]) -> None:
    """Two wishes that pull apart get one sentence that keeps both, instead of two rules that contradict each other."""
    for concept_id in pure:
        for other in concepts()[concept_id].conflicts:
            sentence = tension(concept_id, other, stated.language)
            if other in pure and sentence and not {concept_id, other} <= stated.said:
                stated.said |= {concept_id, other}
                stated.add("tone", fill(frame("plain", stated.language), text=sentence[:1].upper() + sentence[1:]))


def _section_of(concept: Concept, section: str) -> SectionName:
    if section == "output":
        return "output"
    if section == "audience":
        return "audience"
    return "tone" if concept.kind is RequirementKind.TONE else "rules"
