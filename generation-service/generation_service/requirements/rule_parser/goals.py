"""The first clause of a description: what agent it is, for whom, and what it does."""

import re
from dataclasses import dataclass

from generation_service.requirements.concepts import find_concepts, is_only_concepts
from generation_service.requirements.rule_parser.clauses import trimmed
from generation_service.requirements.rule_parser.lines import Clause
from generation_service.requirements.values import RequirementKind
from generation_service.text.language import has_han

_OPENING_ZH = re.compile(
    r"(?:所以|因此|于是)?(?:我们?)?(?:想|希望|需要|要)让(?:AI|它|智能体|机器人|大模型|模型|你)?(?:来|能|帮我们?)?\s*"
    r"|(?:怎么|如何)(?:写|做)好?(?:一个)?(?=.{1,200}(?:提示词|prompt))"
    r"|(?:你是|请你?扮演|扮演)(?:一个|一位|一名)?|(?:请|麻烦)?(?:你)?(?:帮我|帮忙|给我|替我|为我)?(?:我想要|我想"
    r"|我要|我需要|我们需要|我们要|我们想|想要|需要|希望有|想)?(?:写|做|创建|生成|设计"
    r"|制作|开发|搭建|构建|编写|弄|搞|来|定制|有)?(?:一个|一款|一位|一名|一套|个|1个)\s*"
    r"|(?:请|麻烦)?(?:你)?(?:帮我|帮忙|给我|替我|为我|我想要|我想|我需要|我们需要|我要|需要)(?:写|做|创建|生成"
    r"|设计|制作|开发|搭建|构建|定制)?(?:关于)?\s*"
)
_OPENING_EN = re.compile(
    r"(?:what(?:['’]s| is| would be)\s+)?(?:please\s+)?(?:(?:can|could|would) you\s+(?:please\s+)?)?"
    r"(?:(?:(?:i|we)(?:'d| would)?\s+)?(?:want|need|like|(?:am |are )?looking for)\s+(?:you to\s+|to\s+)?)?"
    r"(?:help me\s+(?:to\s+)?)?(?:(?:create|make|build|design|generate|give me|develop|set up|write|get)\s+"
    r"(?:me\s+)?(?=an?\s|the\s|some\s|my\s))?(?:(?:you are|act as"
    r"|be)\s+(?=an?\s|the\s))?(?:(?:an?"
    r"|the|some|my)\b)?\s*(?:(?:good|great|system)\s+)*(?:prompts?\s+(?:for|that|to|of)\s+(?:an?\s+|the\s+)?)?",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\s{1,20}(?:that|which|who)\s+(?:can\s+|will\s+|should\s+|must\s+)?"
    r"|(?<=agent)\s+to\s+|(?<=assistant)\s+to\s+|(?<=bot)\s+to\s+|(?<=tool)\s+to\s+|(?<=someone)\s+to\s+|\s{0,20}:\s+",
    re.IGNORECASE,
)
_IN_LANGUAGE = re.compile(
    r"\s{1,20}(in\s{1,20}(?:simplified\s{1,20}|traditional\s{1,20})?(?:english|chinese|mandarin|spanish|french|german"
    r"|japanese|korean|portuguese|italian|russian|arabic|hindi|dutch))$",
    re.IGNORECASE,
)
_FOR = re.compile(r"\s{1,20}(?:for|aimed at|targeting)\s+", re.IGNORECASE)
_PEOPLE = re.compile(
    r"\b(?:beginners?|children|kids|students?|developers?|users?|customers?|engineers?|employees?"
    r"|managers?|teams?|people|patients?|parents?|teachers?|learners?|seniors|farmers?|visitors|tourists"
    r"|readers?|adults|professionals|novices|founders|owners|marketers|lawyers|doctors|nurses|analysts"
    r"|vp|ceo|cfo|cto|board|executives?|leadership|management|staff"
    r"|clients|shoppers|players|year[- ]olds|freshmen|grade)\b",
    re.IGNORECASE,
)
_AUDIENCE_ZH = re.compile(
    r"(?:面向|针对|服务于)([^，。的]{2,20}?)(?:使用|用|看|服务|设计|打造|准备)?的|(?:给"
    r"|为)([^，。的]{1,12}?)(?:使用|用|看|设计|打造|准备)的"
)
_GENERIC = re.compile(
    r"^(?:(?:ai|smart|intelligent|virtual|llm)\s+)*(?:agent|bot|assistant|chatbot|ai|tool|system|helper"
    r"|model|prompt|expert|app|program|service|one|something|smth|sth|someone|somebody|gpt)$",
    re.IGNORECASE,
)
_ASKED_FOR = re.compile(r"的?(?:系统)?(?:提示词|prompts?)$", re.IGNORECASE)
# "我们是做跨境电商的……" and "I run a small hotel" tell about the client; the demand comes later.
_BACKGROUND = re.compile(
    r"(?:我们公司|我们|我司|本公司|公司|我|本人|目前|现在)(?:是|在|做|主要|有|卖|经营|负责|这边|的|每[天周月])"
    r"|(?:i|we)\s+(?:run|own|am|are|have|work|sell|manage|operate|make|offer)\b|(?:i['’]m|we['’]re)\b|(?:my|our)\s",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:所以|因此|于是|现在)?(?:我们?)?(?:就)?(?:想|需要|希望|请|麻烦|帮|打算|要(?:一|个|你|有))|(?:你是|扮演)"
    r"|(?:so\s+)?(?:i|we)(?:['’]d|\s+would)?\s+(?:really\s+)?(?:want|need|like)\b"
    r"|(?:i['’]m |i am |we['’]re |we are )?looking for|please|help\b|can you|could you"
    r"|(?:create|build|make|write|design|draft)\b",
    re.IGNORECASE,
)
_FOR_WHOM_ZH = re.compile(r"(?:是)?(?:给)?[^，。]{1,10}(?:看|用)的")
_MOST_BACKGROUND = 16
# Each prefix of the adjectives is read again; a longer list of them is no list of adjectives.
_MOST_ADJECTIVE_CHARS = 200
_FIRST_OF_ALL = re.compile(r"先(?=[\u4e00-\u9fff])")
_AFTER_THAT = re.compile(r"(?:然后|再|接着|最后)")


@dataclass(frozen=True, slots=True)
class Head:
    """The span of the opening clause up to where plain clauses go on, and the requirements found in it."""

    start: int
    end: int
    parts: tuple[tuple[RequirementKind, int, int], ...]


def read_head(text: str, clauses: tuple[Clause, ...]) -> Head:
    """Read the first clause that is neither an example nor only a list of known concepts."""
    plain = [clause for clause in clauses if clause.label != "example"]
    if not plain:
        return Head(0, 0, ())
    # "needs to be fast. A support bot." still names its agent; look a little further for it.
    first = next((clause for clause in plain[:3] if not _is_wish(text, clause)), None)
    if first is None:
        return Head(0, 0, ())
    told, first = _past_background(text, plain, first)
    head = _of_clause(text, first, plain)
    if told is None:
        return head
    return Head(told[0], head.end, (*head.parts, (RequirementKind.KNOWLEDGE, *told)))


def _past_background(text: str, plain: list[Clause], first: Clause) -> tuple[tuple[int, int] | None, Clause]:
    """Step over what the client tells about itself, to the clause with the demand."""
    if not _BACKGROUND.match(text, first.start, first.end) or _WISH.match(text, first.start, first.end):
        return None, first
    at = plain.index(first)
    for before, clause in zip(plain[at:], plain[at + 1 : at + _MOST_BACKGROUND], strict=False):
        if _WISH.match(text, clause.start, clause.end):
            return (first.start, before.end), clause
    return None, first


def _of_clause(text: str, first: Clause, plain: list[Clause]) -> Head:
    opening = _OPENING_ZH.match(text, first.start, first.end)
    if opening is None or opening.end() == first.start:
        opening = _OPENING_EN.match(text, first.start, first.end)
    start = opening.end() if opening and opening.end() < first.end else first.start
    if has_han(text[start : first.end]):
        return _chinese(text, start, _end_of_sequence(text, start, first, plain))
    return _english(text, start, first.end)


def _end_of_sequence(text: str, start: int, first: Clause, plain: list[Clause]) -> int:
    """The order "先看邮件，判断……，然后起草回复" is one task up to its last step."""
    if not _FIRST_OF_ALL.match(text, start):
        return first.end
    at = plain.index(first)
    end = first.end
    for clause in plain[at + 1 : at + 4]:
        if re.search(r"[。！？；\n]", text[end : clause.start]):
            break
        if _AFTER_THAT.match(text, clause.start):
            return clause.end
    return end


def _is_wish(text: str, clause: Clause) -> bool:
    piece = text[clause.start : clause.end]
    if _FOR_WHOM_ZH.fullmatch(piece):
        return True
    return is_only_concepts(piece, find_concepts(piece))


def _chinese(text: str, start: int, end: int) -> Head:
    parts: list[tuple[RequirementKind, int, int]] = []
    goal = start
    audience = _AUDIENCE_ZH.match(text, start, end)
    if audience and audience.end() < end:
        parts.append((RequirementKind.AUDIENCE, start, audience.end(audience.lastindex or 1)))
        goal = audience.end()
    goal = _past_adjectives(text, goal, end, parts)
    asked = _ASKED_FOR.search(text, goal + 2, end)
    low, high = trimmed(text, goal, asked.start() if asked else end)
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
    """Take known concepts before the noun ("专业、耐心的", "a friendly, concise") out as requirements of their own."""
    past = start
    for match in find_concepts(text[start:end]):
        piece = text[start : start + match.end]
        if match.end > _MOST_ADJECTIVE_CHARS:
            break
        rest = text[start + match.end : end].strip(" ,，、的")
        if len(rest) < 2 or not is_only_concepts(piece, find_concepts(piece)):
            break
        # "幼儿体操教练" asks nothing for children; "幼儿用的" would be.
        if match.concept.kind is RequirementKind.AUDIENCE and text[start + match.end] not in " 的":
            break
        past = start + match.end
        parts.append((match.concept.kind, start + match.start, past))
    while past > start and past < end and text[past] in " ,，、的":
        past += 1
    return past
