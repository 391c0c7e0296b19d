"""Headings, tags and labels, and which part of a prompt each of them opens."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from generation_service.text.parts_vocabulary import TITLES, Part

_TAG = re.compile(r"<(?P<slash>/?)(?P<name>[A-Za-z_\u4e00-\u9fff][\w.\-]{0,63})(?:[ \t][^<>\n]{0,200})?(?P<empty>/?)>")
_HEADING = re.compile(r"^[ \t]*(?P<marks>#{1,6})(?P<gap>[ \t]+|(?=[\u4e00-\u9fff]))(?P<title>[^\n]*)$", re.MULTILINE)
_LABEL = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+|\d{1,2}[.、)][ \t]*|[一二三四五六七八九十]{1,3}、)?"
    r"(?:\*\*|__)?(?P<bracket>[【\[])?(?P<title>[^\s:：*【】\[\]#<>{}|，,。.\"“”](?:[^\n:：*【】\[\]#<>{}"
    r"|，,。\"“”]{0,30}?[^\s:：*【】\[\]#<>{}|，,。\"“”])?)"
    r"[】\]]?(?:\*\*|__)?[ \t\r]*(?P<colon>[:：]|$|(?<=】))",
    re.MULTILINE,
)
_BLANK = re.compile(r"\n[ \t\r]*\n")
_VISIBLE = re.compile(r"\S")
_INDENT = re.compile(r"[ \t]*")
_EXAMPLE_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+|\d{1,2}[.、)][ \t]*)?(?:\*\*)?(?:(?:示例|样例|例子|例|输入|输出|用户|客户|助手"
    r"|客服|模型|问|答|问题|回答|回复|原文|译文"
    r"|input|output|user|customer|human|assistant|agent|model|ai|bot|question|answer|response|q|a|examples?"
    r"|source|translation"
    r"|before|after|good|bad)[ \t]*\w{0,2}(?:\*\*)?[ \t]*[:：]|[`~]{3}|[<>|{\[#])",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_WORDS = 5
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_TITLE = re.compile(r"[^\w\u4e00-\u9fff'-]+")


@dataclass(frozen=True, slots=True)
class Tag:
    """An XML-like tag; `partner` is the other tag's start when the pair is complete, None otherwise."""

    name: str
    start: int
    end: int
    is_closing: bool
    partner: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """A titled stretch of text: `start` is where its title begins, `body_start` where its body does.

    `level` is 1 to 6 for a Markdown heading that can be counted, 0 for a tag, a label or a heading without a
    blank.
    """

    title: str
    level: int
    start: int
    body_start: int
    end: int
    parts: frozenset[Part]


def find_tags(text: str) -> tuple[Tag, ...]:
    """The tags of a text whose code is masked, each with its partner (the nearest opener of the same
    name).
    """
    matches = [each for each in _TAG.finditer(text) if not each["empty"] and each["name"].lower() not in _VOID]
    partners: dict[int, int] = {}
    open_by_name: dict[str, list[int]] = {}
    for match in matches:
        stack = open_by_name.setdefault(match["name"], [])
        if not match["slash"]:
            stack.append(match.start())
        elif stack:
            opener = stack.pop()
            partners[opener] = match.start()
            partners[match.start()] = opener
    return tuple(
        Tag(match["name"], match.start(), match.end(), bool(match["slash"]), partners.get(match.start()))
        for match in matches
    )


@cache
def _title_pattern(part: Part) -> re.Pattern[str]:
    chinese, english = TITLES[part]
    return re.compile(rf"(?:{chinese})|(?:^|[\s/&,-])(?:{english})(?:$|[\s/&,-])", re.IGNORECASE)


@lru_cache(maxsize=4096)
def title_parts(title: str) -> frozenset[Part]:
    """The parts that a heading, a tag name or a label announces."""
    words = _NOT_TITLE.sub(" ", _CAMEL.sub(" ", title.replace("_", " "))).strip()
    return frozenset(part for part in Part if _title_pattern(part).search(words))


def find_sections(text: str, tags: tuple[Tag, ...]) -> tuple[Section, ...]:
    """Every section of a text whose fences are masked, in order of their start."""
    headings = list(_headings(text))
    sections = [*headings, *_tag_sections(tags), *_label_sections(text, headings)]
    return tuple(sorted(sections, key=lambda section: (section.start, section.level)))


def _headings(text: str) -> Iterator[Section]:
    matches = list(_HEADING.finditer(text))
    ends = [len(text)] * len(matches)
    pending: list[int] = []
    for index, match in enumerate(matches):
        while pending and len(matches[pending[-1]]["marks"]) >= len(match["marks"]):
            ends[pending.pop()] = match.start()
        pending.append(index)
    for match, end in zip(matches, ends, strict=True):
        title = match["title"].strip(" \t\r#*")
        level = len(match["marks"]) if match["gap"] else 0
        yield Section(title, level, match.start(), match.end(), end, title_parts(title[:80]))


def _tag_sections(tags: tuple[Tag, ...]) -> Iterator[Section]:
    for tag in tags:
        if tag.partner is not None and not tag.is_closing:
            yield Section(tag.name, 0, tag.start, tag.end, tag.partner, title_parts(tag.name))


def _label_sections(text: str, headings: list[Section]) -> Iterator[Section]:
    """Labels ("输出：…", "**Role**: …", "【任务】"); each lasts until a blank line, the next label or
    heading.

    A label of examples lasts over the labels in it ("示例：" holds "输入：" and "输出：").
    """
    matches = [match for match in _LABEL.finditer(text) if _is_label(match)]
    breaks = sorted([*(each.start() for each in _BLANK.finditer(text)), *(each.start for each in headings), len(text)])
    stops = sorted([*breaks, *(match.start() for match in matches)])
    for match in matches:
        parts = title_parts(match["title"])
        if parts:
            limits = breaks if Part.EXAMPLE in parts else stops
            end = limits[min(bisect_left(limits, _body(text, match.end())), len(limits) - 1)]
            yield Section(match["title"], 0, match.start(), match.end(), end, parts)


def example_span(text: str, section: Section) -> tuple[int, int]:
    """The region of a section of examples.

    Under a heading it ends with the last paragraph that looks like an example (a label of a dialogue, code, a
    quotation, a table, JSON, a heading of its own), when there is one: what follows are rules again.
    """
    if not text.startswith("#", section.start + _indent(text, section.start)):
        return section.body_start, section.end
    end = section.end
    while end > section.body_start:
        begin = max(text.rfind("\n\n", section.body_start, end), text.rfind("\n\r\n", section.body_start, end))
        if _EXAMPLE_LINE.search(text, max(begin, section.body_start), end):
            return section.body_start, end
        end = begin
    return section.body_start, section.end


def _indent(text: str, offset: int) -> int:
    match = _INDENT.match(text, offset)
    return match.end() - offset if match else 0


def _body(text: str, offset: int) -> int:
    """Where the first visible character after the offset stands: a blank line may part a label from its
    body.
    """
    match = _VISIBLE.search(text, offset)
    return match.start() if match else len(text)


def _is_label(match: re.Match[str]) -> bool:
    """A label is short, and has a colon, brackets or bold type to show that it is one."""
    marked = bool(match["colon"]) or bool(match["bracket"]) or "**" in match[0] or "__" in match[0]
    return marked and len(match["title"].split()) <= _MOST_WORDS
