"""What the user asked for as items of the prompt: each becomes something to do, in the section where it belongs."""

import re
from dataclasses import dataclass, field

from generation_service.requirements.concepts import Concept, ConceptMatch, concepts, find_concepts, is_only_concepts
from generation_service.requirements.people import people_of
from generation_service.requirements.rule_parser.clauses import acts
from generation_service.requirements.values import Requirement, RequirementKind
from generation_service.text.language import Language, is_in, language_of
from generation_service.writing.blocks import behaviour, frame, tension
from generation_service.writing.phrasing import fenced, fill, imperative, is_negative, tidy
from generation_service.writing.rule_writer.outline import KEEP, Item, SectionName

SHOULD = 1
"""Rank of a requirement that is not a must, and of what we assumed."""

_SECTIONS: dict[RequirementKind, SectionName] = {
    RequirementKind.AUDIENCE: "audience",
    RequirementKind.CAPABILITY: "tasks",
    RequirementKind.GOAL: "tasks",
    RequirementKind.FORMAT: "output",
    RequirementKind.TONE: "tone",
    RequirementKind.EXAMPLE: "examples",
}
_LONGEST_LABEL = 24
_TOLD = re.compile(r"(?:我|本公司|公司|目前|现在)|^.+了$|(?:i|we|my|our|i['’]m|we['’]re)\b", re.IGNORECASE)
_LIST_OF_PARTS = re.compile(r"[、,，]")
_NAMED_PARTS = re.compile(r"字段|键名?|列为|列名|\b(?:keys?|fields?|columns?)\b", re.IGNORECASE)
_ABOUT_FORM = re.compile(
    r"(?:不要|别|不能|不得|不可以?|禁止|避免|切勿|不)(?:再)?(?:使?用|出现|带|加|写|改|重复|漏|太|过于)"
    r"|(?:never|do not|don['’]?t|avoid|no)\s+(?:us(?:e|ing)|includ\w+|add\w*|writ\w+|mention\w*|reus\w+|repeat\w*"
    r"|chang\w+|alter\w*)|no \w+$",
    re.IGNORECASE,
)
# So little room that headings and lists of parts have no place.
_TINY = re.compile(
    r"[一1-3两二三]\s?(?:句|行)|(?<![\d$,.])(?:one|two|three|[1-3])\s(?:sentences?|lines?)", re.IGNORECASE
)
_TIGHT = re.compile(r"(?<!\d)(?:[1-9]\d|1[01]\d|120)\s?个?字|(?<![\d$,.])[1-7]\d\s?words?", re.IGNORECASE)


@dataclass
class Stated:
    """Items by section while they are gathered, and which concepts have had their sentence."""

    language: Language
    agent_type: str
    items: dict[SectionName, list[Item]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    has_negative: bool = False
    names_parts: bool = False
    is_tight: bool = False
    is_tiny: bool = False

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
        """Append what a known concept means, under the user's words for it or our own."""
        if concept.id in self.said:
            return
        self.said.add(concept.id)
        rule = behaviour(concept.id, self.agent_type, self.language)
        words = [] if concept.id == "injection" else words  # an attack is named, never repeated
        fitting = [word for word in words if len(word) <= _LONGEST_LABEL and language_of(word) == self.language]
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
    asked = [each for each in wanted if each is not goal]
    pure = _pure_concepts(asked)
    _settle_tensions(stated, pure)
    for match in find_concepts(goal.source_quote or "") if goal else ():
        if match.concept.id == "output_language":
            stated.add_concept(match.concept, [(goal.source_quote or "")[match.start : match.end]] if goal else [])
    for requirement in asked:
        rank = KEEP if requirement.priority == "must" else SHOULD
        source = requirement.source_quote or requirement.text
        if requirement.kind is RequirementKind.EXAMPLE:
            stated.add("examples", fenced(source), rank)
            continue
        matches = find_concepts(source)
        limits = [source[match.start : match.end] for match in matches if match.concept.id == "limit"]
        stated.is_tiny = stated.is_tiny or any(_TINY.search(limit) for limit in limits)
        stated.is_tight = stated.is_tight or stated.is_tiny or any(_TIGHT.search(limit) for limit in limits)
        if injected := [match for match in matches if match.concept.id == "injection"]:
            stated.add_concept(injected[0].concept, [], rank)
            continue
        if is_only_concepts(source, matches) and not _needs_its_words(matches, source, language):
            for match in matches:
                words = pure.get(match.concept.id, [source])
                stated.add_concept(match.concept, words, rank)
            continue
        _add_words(stated, requirement, rank)
    return stated


def _needs_its_words(matches: tuple[ConceptMatch, ...], source: str, language: Language) -> bool:
    """A number, a format or an addressee is in the user's words only."""
    return is_in(source, language) and any(match.concept.keeps_words for match in matches)


def _add_words(stated: Stated, requirement: Requirement, rank: int) -> None:
    """A requirement in the user's words, with the behaviour of the first known concept inside it when that is new."""
    language = stated.language
    source = requirement.source_quote or requirement.text
    text = tidy(source)
    section = _SECTIONS.get(requirement.kind, "rules")
    if not is_in(text, language):
        stated.add("rules" if section == "audience" else section, fill(frame("quoted", language), text=text), rank)
        return
    if requirement.kind is RequirementKind.KNOWLEDGE and _TOLD.match(text):
        stated.add("role", fill(frame("background", language), text=text), rank)
        return
    if (
        requirement.kind is RequirementKind.FORMAT
        and _LIST_OF_PARTS.search(text)
        and not acts(text)
        and not find_concepts(source)
    ):
        stated.add("output", fill(frame("plain", language), text=fill(frame("parts", language), text=text)), rank)
        stated.names_parts = True
        return
    stated.names_parts = stated.names_parts or bool(section == "output" and _NAMED_PARTS.search(text))
    if section != "audience":
        text = imperative(text)
        text = text[:1].upper() + text[1:]
    _add_sentence(stated, text, source, section=section, rank=rank)


def _add_sentence(stated: Stated, text: str, source: str, *, section: SectionName, rank: int) -> None:
    """One sentence of the prompt for `text`; `source` are the user's words behind it."""
    language = stated.language
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
        key = "negative_form" if section == "output" or _ABOUT_FORM.match(text) else "negative"
        where: SectionName = "output" if section == "output" else "rules"
        stated.add(where, fill(frame("plain", language), text=fill(frame(key, language), text=text)), rank)
    elif section == "audience":
        stated.add("audience", audience_sentence(text, language), rank)
    else:
        stated.add(section, fill(frame("plain", language), text=text), rank)


def audience_sentence(text: str, language: Language) -> str:
    """Say whom the agent serves, whatever preposition the user began with."""
    return fill(frame("audience", language), audience=people_of(text))


def _pure_concepts(asked: list[Requirement]) -> dict[str, list[str]]:
    """The user's words for each known concept that is stated by itself."""
    words: dict[str, list[str]] = {}
    for requirement in asked:
        source = requirement.source_quote or requirement.text
        matches = find_concepts(source)
        if is_only_concepts(source, matches):
            for match in matches:
                words.setdefault(match.concept.id, []).append(
                    tidy(source if len(matches) == 1 else source[match.start : match.end])
                )
    return words


def _settle_tensions(stated: Stated, pure: dict[str, list[str]]) -> None:
    """Two asked that pull apart get one sentence that keeps both, instead of two rules that contradict each other."""
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
