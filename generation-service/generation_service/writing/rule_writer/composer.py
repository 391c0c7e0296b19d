"""Writing a prompt without a model: building blocks of the agent's trade around what the user asked for."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from generation_service.requirements.agents import GENERAL, agent_type_of, counterpart
from generation_service.requirements.values import Requirement, RequirementKind
from generation_service.text.language import Language, is_in
from generation_service.text.tokens import estimate_tokens
from generation_service.writing.blocks import AgentBlock, agent_block, behaviour, frame
from generation_service.writing.phrasing import fill, imperative, is_agent, is_order, lowered, tidy, with_article
from generation_service.writing.rule_writer.answers import weave
from generation_service.writing.rule_writer.layouts import render
from generation_service.writing.rule_writer.outline import KEEP, Document, Item, Section, fit
from generation_service.writing.rule_writer.stated import SHOULD, Stated, gather
from generation_service.writing.rule_writer.subject import subject_of, tailored
from generation_service.writing.tracing import covers
from generation_service.writing.values import WriteRequest

_DETAIL, _DONE, _MANNER, _CUSTOM, _LIMITS = 2, 3, 4, 5, 6
"""Ranks of what may go when the prompt has to be short; the highest goes first."""

_DETERMINED = re.compile(r"(?:the|an?|our|my|your|all|every|each|\d+)\b", re.IGNORECASE)
_Own: TypeAlias = Callable[[list[Item]], list[Item]]
_AGENT_NAME_ZH = re.compile(
    r"(?:智能体|助手|助理|机器人|agent|bot|[师员家官手者教器]|专家|顾问|教练|导游|主持人|客服|老师|系统|工具|秘书|管家|伙伴|侍酒师|DM)$",
    re.IGNORECASE,
)
_CHANGES_MANNER = frozenset({"casual", "humorous", "formal", "plain_language", "immersive", "confident", "children"})


def compose(request: WriteRequest) -> str:
    """Write the prompt that a request orders; the same request gives the same text.

    When `max_tokens` is too small even for what must be said, the text is over it and the gates say so.
    """
    parsed = request.parsed
    agent_type = agent_type_of(parsed.agent_type).id
    stated = gather(parsed.requirements, agent_type, request.language)
    weave(stated, request.answers)
    document = _document(request, stated, block_for(request))

    def fits(content: str) -> bool:
        return request.max_tokens is None or estimate_tokens(content) <= request.max_tokens

    return fit(document, lambda it: render(it, request.layout, request.language), fits)


def block_for(request: WriteRequest, agent_type: str | None = None) -> AgentBlock:
    """The building block of the agent's trade, or of the one named, with the user's own nouns in it."""
    block = agent_block(agent_type or agent_type_of(request.parsed.agent_type).id, request.language)
    return tailored(block, subject_of(request.parsed.requirements, request.language), request.language)


def assumptions(request: WriteRequest) -> tuple[str, ...]:
    """What the prompt assumes without the user having said it, in the language of the prompt."""
    return tuple(counterpart(each.text, request.language) for each in request.parsed.requirements if each.inferred)


def _document(request: WriteRequest, stated: Stated, block: AgentBlock) -> Document:
    language = request.language
    if stated.is_tiny:
        # Three lines cannot hold what the trade usually delivers; its rules stay.
        plain = block_for(request, GENERAL)
        block = replace(block, goal=plain.goal, done=plain.done, steps=plain.steps)
    goal = next((each for each in request.parsed.requirements if each.kind is RequirementKind.GOAL), None)
    others = tuple(each for each in request.parsed.requirements if each is not goal and not each.inferred)

    def own(items: list[Item]) -> list[Item]:
        """Leave out of our own items what what the user asked for say already."""
        return [item for item in items if not any(covers(requirement, item.text, language) for requirement in others)]

    sections = (
        Section("role", "lines", (*_role(goal, block, request), *stated.items.get("role", []))),
        Section("audience", "lines", tuple(_audience(request, stated))),
        Section("goal", "lines", (Item(block.goal), *stated.items.get("goal", []))),
        Section("tasks", "numbers", tuple(stated.items.get("tasks", [])), frame("tasks", language)),
        Section("done", "bullets", tuple(own(_ranked(block.done, _DONE))), frame("done", language)),
        Section("non_goals", "bullets", tuple(own(_ranked(block.non_goals, _LIMITS))), frame("non_goals", language)),
        Section("inputs", "lines", tuple(_inputs(block, language)), frame("inputs", language)),
        Section("steps", "numbers", tuple(_ranked(block.steps, _DETAIL)), frame("steps", language)),
        Section("rules", "numbers", tuple(_rules(request, stated, block, own)), frame("rules", language)),
        Section("tone", "numbers", tuple(_tone(stated, block))),
        Section("output", "bullets", tuple(_output(stated, block, language, own))),
        Section("length", "lines", tuple(_length(stated, block))),
        Section("unsure", "bullets", (*_first_kept(block.unsure), *stated.items.get("unsure", []))),
        Section("examples", "lines", tuple(stated.items.get("examples", [])), frame("examples", language)),
    )
    return Document(_title(goal, request), tuple(section for section in sections if section.items))


def _ranked(texts: tuple[str, ...], rank: int) -> list[Item]:
    return [Item(text, rank) for text in texts]


def _first_kept(texts: tuple[str, ...]) -> list[Item]:
    return [Item(text, KEEP if number == 0 else _DETAIL) for number, text in enumerate(texts)]


def _role(goal: Requirement | None, block: AgentBlock, request: WriteRequest) -> list[Item]:
    language = request.language
    words = tidy(goal.source_quote or goal.text) if goal else ""
    if not words or not is_in(words, language):
        title = agent_type_of(request.parsed.agent_type).titles[language]
        name = title if language == "zh" else with_article(title[:1].lower() + title[1:])
        said = [Item(fill(frame("quoted", language), text=words))] if words else []
        return [Item(fill(frame("you_are", language), goal=name, role=block.role)), *said]
    ending = "_general" if request.parsed.agent_type == GENERAL else ""
    if language == "zh":
        key, goal_words = "you_are" if _AGENT_NAME_ZH.search(words) else "you_do", words
    elif is_order(words):
        key, goal_words = "you_do", lowered(imperative(words))
    elif is_agent(words):
        key, goal_words = "you_are", with_article(words)
    else:
        key, goal_words = (
            "you_handle",
            words if _DETERMINED.match(words) or " " not in words else f"the {lowered(words)}",
        )
    return [Item(fill(frame(key + ending, language), goal=goal_words, role=block.role))]


def _audience(request: WriteRequest, stated: Stated) -> list[Item]:
    if said := stated.items.get("audience"):
        return list(said)
    if stated.is_tiny:
        return []
    people = agent_type_of(request.parsed.agent_type).audiences[request.language]
    return [Item(fill(frame("audience", request.language), audience=people), SHOULD)]


def _inputs(block: AgentBlock, language: Language) -> list[Item]:
    stop = "。" if language == "zh" else "."
    return [
        Item(
            f"`{each.name}` — {each.description}{stop}\n<{each.name}>\n{{{{ {each.name} }}}}\n</{each.name}>",
            KEEP if each.name == "user_input" else SHOULD,
        )
        for each in block.inputs
    ]


def _rules(request: WriteRequest, stated: Stated, block: AgentBlock, own: _Own) -> list[Item]:
    assumed = [Item(text, SHOULD) for text in assumptions(request)]
    return [*stated.items.get("rules", []), *assumed, *own(_ranked(block.rules, _CUSTOM))]


def _tone(stated: Stated, block: AgentBlock) -> list[Item]:
    said = stated.items.get("tone", [])
    foreign = any("tone" in key for key in stated.items) and not stated.said
    if stated.said & _CHANGES_MANNER or foreign or "output_language" in stated.said:
        return list(said)
    return [*said, Item(block.tone, _MANNER)]


def _output(stated: Stated, block: AgentBlock, language: Language, own: _Own) -> list[Item]:
    said = list(stated.items.get("output", []))
    if said and stated.names_parts:
        return said
    if stated.is_tight:
        return [*said, Item(frame("tight", language))]
    ours = own(_first_kept(block.output))
    if said and ours and _fixes_shape(stated) and stated.agent_type != "extraction":
        said.append(Item(frame("keys", language)))
    return [*said, *ours]


def _length(stated: Stated, block: AgentBlock) -> list[Item]:
    if said := stated.items.get("length"):
        return list(said)
    if "limit" in stated.said or _fixes_shape(stated) or not block.length:
        return []
    return [Item(block.length, _MANNER)]


def _fixes_shape(stated: Stated) -> bool:
    rules = (behaviour(concept, stated.agent_type, stated.language) for concept in stated.said)
    return any(rule is not None and rule.fixes_shape for rule in rules)


def _title(goal: Requirement | None, request: WriteRequest) -> str:
    words = tidy(goal.source_quote or goal.text) if goal else ""
    longest = 24 if request.language == "zh" else 60
    if words and is_in(words, request.language) and len(words) <= longest:
        title = imperative(words) if request.language == "en" and is_order(words) else words
        return title[:1].upper() + title[1:]
    return agent_type_of(request.parsed.agent_type).titles[request.language]
