"""What a model wraps around a prompt: a sentence before, a fence, a sentence after. None of it is the prompt.

Only at the very ends and only what speaks *about* the prompt to whoever ordered it; a prompt that has such sentences
for its own model, begins with a block of code, or shows fences passes as it is.
"""

import re
from dataclasses import dataclass

_BLANKS = "\ufeff \t\r\n"
_MOST_LINE_CHARS = 300
_MOST_PARAGRAPH_CHARS = 500
_MOST_PARAGRAPH_LINES = 3
_EMPHASIS = "*_#> \t"
_RULE = re.compile(r"(?:-{3,300}|\*{3,300}|={3,300}|_{3,300})[ \t]{0,300}\Z")
_FENCE = re.compile(r"[ ]{0,3}(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]{0,40})\Z")
_WRAPPERS = frozenset({"markdown", "md", "text", "txt", "plaintext", "xml", "prompt"})

_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|got it|great|okay|ok|understood|yes|no problem|alright)"
_YES_ZH = r"(?:好的|好|当然(?:可以)?|没问题|可以|明白(?:了)?|收到)"
_ONLY_YES = re.compile(rf"(?:{_YES}|{_YES_ZH})[!.,。！，~～]*\Z", re.IGNORECASE)
_BEFORE = (
    re.compile(rf"{_YES}[!,.][^:{{}}]{{0,200}}:\Z", re.IGNORECASE),
    re.compile(
        rf"(?:{_YES}[!,.]?[ ]+)?(?:here(?:'s|’s| is| are)|below is|this is|the following is|i(?:'ve|’ve| have) "
        r"(?:written|created|drafted|prepared|designed|crafted))\b[^:{}]{0,120}\b(?:prompt|template)\b[^:{}]{0,120}:\Z",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:{_YES_ZH}[，,。！!~\s]*)?(?:根据[^：:，,]{{0,40}}[，,]\s*)?"
        r"(?:(?:以下|下面|这)(?:就)?[是为]|我?(?:已经?)?(?:为|给|帮)[您你])[^：:{}]{0,60}"
        r"(?:提示词|提示语|系统提示|prompt)[^：:{}]{0,30}[：:]\Z",
        re.IGNORECASE,
    ),
)
_NOT_BEFORE = re.compile(
    r"\b(?:evaluate|improve|follow|review|analy[sz]e|translate|answer|rewrite|users?|user's|user’s)\b|请|需要|待|用户",
    re.IGNORECASE,
)

_OFFER = (
    r"\b(?:adjust|chang|tweak|modif|refin|customi[sz]|revis|edit|tailor|expand|shorten|improv|iterat|anything else|"
    r"further (?:help|assist)|more help|variation|another version|different (?:tone|style|version))"
)
_AFTER = (
    re.compile(rf"(?:please )?(?:just )?let me know\b.{{0,200}}{_OFFER}", re.IGNORECASE | re.DOTALL),
    re.compile(
        rf"if you\b.{{0,200}}(?:let me know|just (?:ask|say|tell)|\bi can\b|\bi(?:'|’)(?:ll|d)\b|feel free|happy to)"
        rf"|(?:would you like me|do you want me|want me|would you like) to\b.{{0,60}}{_OFFER}",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"(?:please )?feel free to\b.{0,100}(?:\b(?:this|the) prompt\b|\btemplate\b|\bplaceholders?\b|reach out|"
        r"\byour (?:\w+ )?(?:needs|requirements|preferences|use case))",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"(?:i )?hope (?:this|that|it) (?:prompt )?(?:helps|works|meets)\b", re.IGNORECASE),
    re.compile(r"希望.{0,30}(?:对[您你](?:能)?有(?:所)?帮助|能?(?:帮到|帮助)(?:到)?[您你]|(?:满足|符合)[您你]的)"),
    re.compile(
        r"(?:如果?|若)(?:[您你])?(?:还)?(?:需|要|有|想|希望).{0,80}(?:修改|调整|优化|补充|完善|进一步|其他|改动|细化)"
        r".{0,40}(?:告诉我|告知|跟我说|联系我|我(?:可以|会|再|来|很)|随时)",
        re.DOTALL,
    ),
    re.compile(r"(?:需要我|要不要我|是否需要我).{0,40}(?:修改|调整|优化|补充|完善|细化|改)"),
)
_LOOSELY_AFTER = re.compile(
    r"(?:please )?let me know\b|(?:this|the(?: above)?) prompt\b|if you (?:need|have|want|would)\b|i can also\b"
    r"|feel free\b|(?:这[个份段]|该|以上|上述)提示词|如有|如果[您你]|如需|欢迎",
    re.IGNORECASE,
)
_OPENERS = (
    *("let me know", "please", "just let", "if you", "would you", "do you want", "want me", "feel free", "hope "),
    *("i hope", "i can also", "this prompt", "the prompt", "the above", "希望", "如", "若", "需要我", "要不要"),
    *("是否需要", "这个提示词", "这份提示词", "这段提示词", "该提示词", "以上", "上述", "欢迎"),
)


@dataclass(frozen=True, slots=True)
class Opening:
    """Where the text begins after the lines that are wrapping, and what those were."""

    at: int
    is_announced: bool


def unwrapped(text: str) -> str:
    """The prompt inside an answer from which the thinking is gone already; blanks at both ends go as well."""
    opening = opening_of(text)
    lines = text[opening.at :].strip(_BLANKS).split("\n")
    fence = _FENCE.match(lines[0].rstrip())
    is_fence = fence is not None and _is_wrapper(fence)
    lines, has_closing_words = _without_after(lines, is_announced=opening.is_announced, is_fenced=is_fence)
    if opening.is_announced or has_closing_words:
        while lines and (not lines[-1].strip() or _RULE.match(lines[-1].strip())):
            lines.pop()
    if fence is not None and is_fence:
        lines = _without_fence(lines, fence)
    return "\n".join(lines).strip(_BLANKS)


def opening_of(text: str, *, is_end: bool = True) -> Opening:
    """Where the prompt begins: after at most two lines that announce it, a rule under them, and blanks.

    Args:
        text: the beginning of an answer, in whole lines unless `is_end`.
        is_end: nothing more comes.
    """
    start = _after_blanks(text, 0)
    at = start
    line, after = _line_at(text, at)
    if _ONLY_YES.match(line):
        at = _after_blanks(text, after)
        line, after = _line_at(text, at)
    if not _announces(line):
        return Opening(start, is_announced=False)
    at = _after_blanks(text, after)
    line, after = _line_at(text, at)
    if _RULE.match(line) and (is_end or after < len(text)):
        at = _after_blanks(text, after)
    return Opening(at, is_announced=True)


def is_opening_known(text: str) -> bool:
    """True when `opening_of` cannot change its mind by what comes after this beginning without blanks before it."""
    opening = opening_of(text, is_end=False)
    line, end, below = text[opening.at :].partition("\n")
    if len(line) > _MOST_LINE_CHARS:
        return True
    if not opening.is_announced and _ONLY_YES.match(line.rstrip()):
        line, end, _ = below.lstrip(_BLANKS).partition("\n")
    if opening.is_announced and _RULE.match(line.rstrip()):
        return False
    return bool(end) or len(line) > _MOST_LINE_CHARS


def may_close(paragraph: str) -> bool:
    """True while a last paragraph that has begun like this may still turn out to be wrapping."""
    begun = paragraph.strip(_EMPHASIS + _BLANKS).lower()
    if len(paragraph) > _MOST_PARAGRAPH_CHARS:
        return False
    return not begun or any(begun.startswith(opener) or opener.startswith(begun) for opener in _OPENERS)


def is_edge(line: str) -> bool:
    """True for a line that may go with what follows it: blank, a rule, a closing fence, or the beginning of one."""
    bare = line.strip()
    return not bare or not bare.strip("`~") or not bare.strip("-") or not bare.strip("*=_")


def is_wrapping_fence(line: str) -> bool:
    """True for a line that may open a fence around the whole prompt."""
    fence = _FENCE.match(line.rstrip())
    return fence is not None and _is_wrapper(fence)


def _announces(line: str) -> bool:
    if not line or len(line) > _MOST_LINE_CHARS:
        return False
    bare = line.strip(_EMPHASIS)
    return any(form.match(bare) for form in _BEFORE) and not _NOT_BEFORE.search(bare)


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _line_at(text: str, at: int) -> tuple[str, int]:
    """The line that begins here, without blanks at its end, and where the next one begins."""
    end = text.find("\n", at, at + _MOST_LINE_CHARS + 1)
    if end < 0:
        return (text[at:].rstrip(), len(text)) if len(text) - at <= _MOST_LINE_CHARS else ("", at)
    return text[at:end].rstrip(), end + 1


def _without_after(lines: list[str], *, is_announced: bool, is_fenced: bool) -> tuple[list[str], bool]:
    """The lines without a last paragraph that talks about the prompt, and whether there was one."""
    start = len(lines)
    while start > 0 and lines[start - 1].strip() and not is_edge(lines[start - 1]):
        start -= 1
        if len(lines) - start > _MOST_PARAGRAPH_LINES:
            return lines, False
    paragraph = "\n".join(lines[start:]).strip(_EMPHASIS + _BLANKS)
    if start == 0 or not paragraph or len(paragraph) > _MOST_PARAGRAPH_CHARS or "{{" in paragraph:
        return lines, False
    rest = lines[:start]
    while rest and not rest[-1].strip():
        rest.pop()
    is_loose = is_announced or (is_fenced and bool(rest) and not rest[-1].strip().strip("`~"))
    if any(form.match(paragraph) for form in _AFTER) or (is_loose and _LOOSELY_AFTER.match(paragraph)):
        return rest, True
    return lines, False


def _is_wrapper(fence: re.Match[str]) -> bool:
    return fence["info"].strip().lower() in _WRAPPERS | {""}


def _without_fence(lines: list[str], fence: re.Match[str]) -> list[str]:
    """The lines inside a fence around all of them; the lines as they are when it goes around some of them only."""
    marks, has_info = fence["marks"], bool(fence["info"].strip())
    depth, first_end, last_end, is_sequence = 1, None, None, False
    for number, line in enumerate(lines[1:], start=1):
        inner = _FENCE.match(line.rstrip())
        if inner is None or inner["marks"][0] != marks[0] or len(inner["marks"]) < len(marks):
            continue
        is_sequence = is_sequence or (depth == 0 and bool(inner["info"]))
        depth += 1 if inner["info"] or depth == 0 else -1
        if depth == 0:
            first_end, last_end = first_end or number, number
    if first_end is None:
        # Never closed: a model forgets the last line of its wrapper, a prompt does not begin with an open block.
        return lines[1:] if len(lines) > 1 else lines
    is_whole = last_end == len(lines) - 1 and (first_end == last_end or (has_info and not is_sequence))
    return lines[1:-1] if is_whole and "".join(lines[1:-1]).strip() else lines
