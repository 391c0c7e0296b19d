"""The first clause of a description: what agent it is, for whom, and what it does."""

import re
from dataclasses import dataclass

from generation_service.requirements.clauses import Clause, trimmed
from generation_service.requirements.concepts import find_concepts, is_only_concepts
from generation_service.requirements.domain import RequirementKind

AGENT_NOUN = re.compile(
    r"(?:智能体|助手|助理|机器人|agent|bot|师|员|专家|顾问|教练|导游|主持人|客服|官|手|者|老师|导师|系统|工具|秘书"
    r"|编剧|作家|律师|医生|管家|裁判|向导|侍酒师|伙伴|DM)$",
    re.IGNORECASE,
)
_OPENING_ZH = re.compile(
    r"(?:你是|请你?扮演|扮演)(?:一个|一位|一名)?|(?:请|麻烦)?(?:你)?(?:帮我|帮忙|给我|替我|为我)?(?:我想要|我想"
    r"|我要|我需要|我们需要|我们要|我们想|想要|需要|希望有|想)?(?:写|做|创建|生成|设计"
    r"|制作|开发|搭建|构建|编写|弄|搞|来|定制|有)?(?:一个|一款|一位|一名|一套|个|1个)\s*"
    r"|(?:请|麻烦)?(?:你)?(?:帮我|帮忙|给我|替我|为我|我想要|我想|我需要|我们需要|我要|需要)(?:写|做|创建|生成"
    r"|设计|制作|开发|搭建|构建|定制)?(?:关于)?\s*"
)
_OPENING_EN = re.compile(
    r"(?:please\s+)?(?:(?:can|could|would) you\s+(?:please\s+)?)?(?:(?:i|we)(?:'d| would)?\s+(?:want"
    r"|need|like)\s+(?:you to\s+|to\s+)?)?(?:help me\s+(?:to\s+)?)?(?:(?:create|make|build|design"
    r"|generate|give me|develop|set up|write|get)\s+(?:me\s+)?(?=an?\s|the\s|some\s|my\s))?(?:(?:you are|act as"
    r"|be)\s+(?=an?\s|the\s))?(?:(?:an?"
    r"|the|some|my)\b)?\s*(?:(?:good|great|system)\s+)*(?:prompts?\s+(?:for|that|to|of)\s+(?:an?\s+|the\s+)?)?",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\s+(?:that|which|who)\s+(?:can\s+|will\s+|should\s+|must\s+)?"
    r"|(?<=agent)\s+to\s+|(?<=assistant)\s+to\s+|(?<=bot)\s+to\s+|(?<=tool)\s+to\s+|(?<=someone)\s+to\s+|\s*:\s+",
    re.IGNORECASE,
)
_IN_LANGUAGE = re.compile(
    r"\s+(in\s+(?:simplified\s+|traditional\s+)?(?:english|chinese|mandarin|spanish|french|german"
    r"|japanese|korean|portuguese|italian|russian|arabic|hindi|dutch))$",
    re.IGNORECASE,
)
_FOR = re.compile(r"\s+(?:for|aimed at|targeting)\s+", re.IGNORECASE)
_PEOPLE = re.compile(
    r"\b(?:beginners?|children|kids|students?|developers?|users?|customers?|engineers?|employees?"
    r"|managers?|teams?|people|patients?|parents?|teachers?|learners?|seniors|farmers?|visitors|tourists"
    r"|readers?|adults|professionals|novices|founders|owners|marketers|lawyers|doctors|nurses|analysts"
    r"|clients|shoppers|players|year[- ]olds|freshmen|grade)\b",
    re.IGNORECASE,
)
_AUDIENCE_ZH = re.compile(
    r"(?:面向|针对|服务于)([^，。的]{2,20}?)(?:使用|用|看|服务|设计|打造|准备)?的|(?:给"
    r"|为)([^，。的]{1,12}?)(?:使用|用|看|设计|打造|准备)的"
)
_GENERIC = re.compile(
    r"^(?:(?:ai|smart|intelligent|virtual|llm)\s+)*(?:agent|bot|assistant|chatbot|ai|tool|system|helper"
    r"|model|prompt|expert|app|program|service|one|something|gpt)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Head:
    """The span of the opening clause up to where plain clauses go on, and the requirements found in it."""

    start: int
    end: int
    parts: tuple[tuple[RequirementKind, int, int], ...]


def read_head(text: str, clauses: tuple[Clause, ...]) -> Head:
    """Read the first clause that is neither an example nor only a list of known wishes."""
    plain = [clause for clause in clauses if clause.label != "example"]
    if not plain:
        return Head(0, 0, ())
    # "needs to be fast. A support bot." still names its agent; look a little further for it.
    first = next((clause for clause in plain[:3] if not _is_wish(text, clause)), None)
    if first is None:
        return Head(0, 0, ())
    opening = _OPENING_ZH.match(text, first.start, first.end)
    if opening is None or opening.end() == first.start:
        opening = _OPENING_EN.match(text, first.start, first.end)
    start = opening.end() if opening and opening.end() < first.end else first.start
    if re.search(r"[\u4e00-\u9fff]", text[start : first.end]):
        return _chinese(text, start, first.end)
    return _english(text, start, first.end)


def _is_wish(text: str, clause: Clause) -> bool:
    piece = text[clause.start : clause.end]
    return is_only_concepts(piece, find_concepts(piece))


def _chinese(text: str, start: int, end: int) -> Head:
    parts: list[tuple[RequirementKind, int, int]] = []
    goal = start
    audience = _AUDIENCE_ZH.match(text, start, end)
    if audience and audience.end() < end:
        parts.append((RequirementKind.AUDIENCE, start, audience.end(audience.lastindex or 1)))
        goal = audience.end()
    goal = _past_adjectives(text, goal, end, parts)
    low, high = trimmed(text, goal, end)
    return Head(start, end, ((RequirementKind.GOAL, low, high), *parts))


def _english(text: str, start: int, end: int) -> Head:
    relative = _RELATIVE.search(text, start, end)
    noun_end = relative.start() if relative else end
    parts: list[tuple[RequirementKind, int, int]] = []
    goal = _past_adjectives(text, start, noun_end, parts)
    if relative and _GENERIC.match(text[goal:noun_end].strip()):
        low, high = trimmed(text, relative.end(), end)
        return Head(start, end, ((RequirementKind.GOAL, low, high), *parts))
    spoken = _IN_LANGUAGE.search(text, goal, noun_end)
    if spoken:
        parts.append((RequirementKind.CONSTRAINT, spoken.start(1), noun_end))
    noun_end_for = noun_end = spoken.start() if spoken else noun_end
    audience = _FOR.search(text, goal, noun_end)
    if audience and _PEOPLE.search(text, audience.end(), noun_end) and audience.start() > goal:
        noun_end_for = audience.start()
        parts.append((RequirementKind.AUDIENCE, audience.start() + 1, noun_end))
    goal_span = trimmed(text, goal, noun_end_for)
    head_parts = ((RequirementKind.GOAL, *goal_span), *parts)
    return Head(start, relative.end() if relative else end, head_parts)


def _past_adjectives(text: str, start: int, end: int, parts: list[tuple[RequirementKind, int, int]]) -> int:
    """Take known wishes before the noun ("专业、耐心的", "a friendly, concise") out as requirements of their own."""
    past = start
    for match in find_concepts(text[start:end]):
        piece = text[start : start + match.end]
        rest = text[start + match.end : end].strip(" ,，、的")
        if len(rest) < 2 or not is_only_concepts(piece, find_concepts(piece)):
            break
        past = start + match.end
        parts.append((match.concept.kind, start + match.start, past))
    while past > start and past < end and text[past] in " ,，、的":
        past += 1
    return past
