"""Reading a description line by line: bullets, labels, headings, examples, and the sentences of each line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generation_service.text.sentences import DESCRIPTION_ENDS, bracketed, cut

_BULLET = re.compile(
    r"[ \t]*+(?:[-*•·▪◦●–>]+|#{1,6}|\d{1,3}[.)、）]|[(（]\d{1,3}[)）]|[一二三四五六七八九十]{1,3}、)?[ \t]*+"
)
_LABEL = re.compile(r"([^:：，,。\n“\"(（]{1,24})[:：](?!//)[ \t]*")
_EXAMPLE_LABEL = re.compile(
    r"^(?:例如|比如|示例|例子|样例|举例|输入|输出|用户|回复|问|答|examples?|for example|e\.g\.|sample|input|output|user"
    r"|assistant|q|a)\s*\d*$",
    re.IGNORECASE,
)


# Labels that only announce what follows; any other is part of what it stands before ("署名：Support Team").
_PART_OF_BRIEF = re.compile(
    r"例|语气|风格|口吻|文风|调性|格式|结构|输出|返回|版式|受众|读者|用户群|面向|对象|目标|目的|安全|隐私|合规|禁止|约束|限制|不要"
    r"|红线|规则|背景|知识|资料|业务|公司|功能|能力|技能|任务|职责|要求|需求|角色|身份|人设|说明|注意|描述|内容|输入|备注|如下"
    r"|提示词|流程|步骤|场景|用途"
    r"|\b(?:tone|style|voice|format|output|structure|audience|readers?|users?|safety|privacy|compliance|constraints?"
    r"|rules?|limits?|don'?ts?|background|context|knowledge|about us|features?|capabilit\w+|tasks?|skills?|goals?"
    r"|purpose|objective|requirements?|role|persona|instructions?|notes?|description|input|prompt|must|should|needs?"
    r"|following|steps?|examples?|samples?)\b",
    re.IGNORECASE,
)
_EITHER_WAY = re.compile(r"(?:输入|输出|input|output)\s*\d*$", re.IGNORECASE)
_ANNOUNCEMENT = re.compile(r"(?:例如|比如|示例|例子|样例|举例|examples?|for example|e\.g\.|sample)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One piece of the description, [start, end) in code points; `label` is what stood before its colon."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the description; `text_start` is behind its bullet, `body` behind the colon of its label."""

    start: int
    end: int
    text_start: int
    body: int
    label: str
    is_numbered: bool

    @property
    def is_blank(self) -> bool:
        """Whether nothing but blanks stands on it."""
        return self.text_start >= self.end


def sentences(text: str) -> Iterator[Clause]:
    """Cut a text at its line and sentence ends; the lines of one example stay together."""
    lines = list(_lines(text))
    example: Clause | None = None
    heading = ""
    begun = False
    for number, line in enumerate(lines):
        if (example and not line.is_blank) or _opens_example(lines, number):
            opened = line.body if _ANNOUNCEMENT.match(line.label) else line.text_start
            example = Clause(example.start if example else opened, line.end, "example")
            begun = True
            continue
        if example:
            yield example
            example = None
        if line.is_blank:
            heading = ""
            continue
        announces = bool(_PART_OF_BRIEF.search(line.label))
        if line.label and not announces and not begun:
            # "Insurance claim triage: read the statement" begins with what it is about.
            yield Clause(line.text_start, line.text_start + len(line.label), "")
        elif line.label and line.body >= line.end:
            heading = line.label
        strip = line.label and (announces or not begun)
        begun = True
        if line.body < line.end:
            begin = line.body if strip else line.text_start
            yield from _sentences_of_line(text, begin, line.end, line.label if strip and announces else heading)
    if example:
        yield example


def _lines(text: str) -> Iterator[_Line]:
    position = 0
    for raw in text.splitlines(keepends=True):
        start, position = position, position + len(raw)
        end = start + len(raw.rstrip())
        bullet = _BULLET.match(text, start, end)
        text_start = bullet.end() if bullet else start
        label = _LABEL.match(text, text_start, end)
        yield _Line(
            start,
            end,
            text_start,
            label.end() if label else text_start,
            label[1].rstrip() if label else "",
            is_numbered=bool(bullet and any(char.isdigit() for char in bullet.group())),
        )


def _opens_example(lines: list[_Line], number: int) -> bool:
    """Whether a label announces an example; "输出：……" alone is a rule about the output, with its pair it is none."""
    label = lines[number].label
    if not _EXAMPLE_LABEL.match(label):
        return False
    if not _EITHER_WAY.match(label):
        return True
    following = next((line for line in lines[number + 1 : number + 4] if not line.is_blank), None)
    return bool(not lines[number].is_numbered and following and _EXAMPLE_LABEL.match(following.label))


def _sentences_of_line(text: str, start: int, end: int, label: str) -> Iterator[Clause]:
    for low, high in cut(text, DESCRIPTION_ENDS, start, end, protected=bracketed(text, start, end)):
        if text[low:high].strip():
            yield Clause(low, high, label)
