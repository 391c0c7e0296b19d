r"""Rules about variables, references, and what was left to be filled in.

- `var-malformed` (error): `{{` that begins no variable and no reference (`{{ user name }}`, `{{ 用户 }}`, `{{
  x|upper }}`, `{{ x`), unless written `\{{`.
- `var-undefined` (error), `var-unused` (warning): the text against `declared_variables`, when the caller
  gives them.
- `mixed-placeholder-syntax` (warning): `{name}` or `${name}` in prose. Not in code, not after a letter,
  digit, slash, backslash, caret, underscore or brace (addresses, LaTeX).
- `ref-unresolved` (error): `{{> …}}` that is no `name@label` or `name@v3`, or, when the caller gives
  `known_references`, is none of them.
- `leftover-placeholder` (error): "TODO:", "[TBD]", "【请填写…】", "[insert …]", "[your …]", "：待定" at a
  line's end, "XX公司", "lorem ipsum", four or more underscores as a blank to fill; not in code or examples.
- `undelimited-input` (warning): a variable that carries somebody's text (`text_names.toml`: its name, or the last
  word of it) in the middle of a line with nothing around it: no tags, fence, quotes, backticks, rule lines
  (---, ===, \"\"\") or table cells.
"""

import re
from collections.abc import Iterator
from functools import cache

from generation_service.lint.values import Expectations, Hit
from generation_service.text.data_tables import load_table, texts_of
from generation_service.text.document import Document, is_inside, merged
from generation_service.text.parts_vocabulary import Part
from generation_service.text.sections import title_parts
from generation_service.text.variables import Placeholder, PlaceholderKind

_FOREIGN = re.compile(r"(?<![\w/\\}{$^])(?:\$\{[A-Za-z_]\w{0,63}\}|\{[A-Za-z_]\w{0,63}\})(?!\})")
_FILL = "填写|填入|插入|补充|输入|替换"
_LEFTOVER = re.compile(
    r"\b(?:TODO|TBD|FIXME)\b(?=\s*(?:[:：\]】)）]|$))"
    rf"|[\[【<〈(（](?:请|请在此|在此|在这里|此处|请在此处"
    rf"|在此处)?(?:{_FILL})[^\]】>〉)）\n]{{0,60}}[\]】>〉)）]"
    r"|[\[<](?:insert|fill in|replace with|add|put|enter|your|placeholder)\b[^\]>\n]{0,60}[\]>]"
    r"|[\[【(（](?:待补充|待填写|待完善|待定|占位符?)[^\]】)）\n]{0,30}[\]】)）]|(?<=[:：])[ \t]*(?:待补充"
    r"|待填写|待完善|待定)[。.]?[ \t]*$"
    r"|(?<![A-Za-z])[xX×]{2,4}(?=(?:公司|平台|产品|系统|品牌|部门|先生|女士|有限|集团|银行|医院|学校|大学"
    r"|网站|软件|项目))"
    r"|\blorem ipsum\b|(?<!\w)_{4,}(?!\w)",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTES = dict(zip("\"'`“‘「『《[【<|", "\"'`”’」』》]】>|", strict=True))
_BLOCK_MARK = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|#{3,}|\"{3,}|'{3,}|<{2,}\w*|>{2,}|~{3,}|`{3,})[ \t\r]*$")
_NEAR_LINES = 3
_NEAR_CHARS = 100
_INSTRUCTIONS = frozenset({Part.ROLE, Part.TASK, Part.RULES, Part.PROHIBITION, Part.OUTPUT, Part.FALLBACK})
_WHOLE_PROMPT_TAGS = frozenset({"prompt", "system", "system_prompt", "提示词"})


def var_malformed(document: Document, _: Expectations) -> Iterator[Hit]:
    """Braces that the renderer would leave in the text."""
    for each in document.placeholders:
        if each.kind is PlaceholderKind.MALFORMED:
            yield Hit(each.start, each.end, values={"text": _short(each.name)})


def var_undefined(document: Document, expectations: Expectations) -> Iterator[Hit]:
    """Variables that nobody declared."""
    declared = expectations.declared_variables
    if declared is None:
        return
    known = frozenset(declared)
    for each in _first_uses(document):
        if each.name not in known:
            yield Hit(each.start, each.end, values={"name": each.name})


def var_unused(document: Document, expectations: Expectations) -> Iterator[Hit]:
    """Declared variables that the text doesn't use."""
    used = {each.name for each in _first_uses(document)}
    for name in dict.fromkeys(expectations.declared_variables or ()):
        if name not in used:
            yield Hit(values={"name": name})


def mixed_placeholder_syntax(document: Document, _: Expectations) -> Iterator[Hit]:
    """Placeholders in a style that is never filled in."""
    for match in _FOREIGN.finditer(document.prose):
        name = match[0].strip("${}")
        yield Hit(match.start(), match.end(), values={"text": match[0], "name": name})


def ref_unresolved(document: Document, expectations: Expectations) -> Iterator[Hit]:
    """References that name no prompt, or none that we know."""
    known = expectations.known_references
    for each in document.placeholders:
        if each.kind is PlaceholderKind.BAD_REFERENCE:
            yield Hit(each.start, each.end, variant="malformed", values={"text": _short(each.name)})
        elif each.kind is PlaceholderKind.REFERENCE and known is not None and each.name not in known:
            yield Hit(each.start, each.end, values={"name": each.name})


def leftover_placeholder(document: Document, _: Expectations) -> Iterator[Hit]:
    """Something that the author meant to fill in."""
    for match in _LEFTOVER.finditer(document.uncoded):
        if not document.is_example(match.start()):
            yield Hit(match.start(), match.end(), values={"text": _short(match[0].strip())})


def undelimited_input(document: Document, _: Expectations) -> Iterator[Hit]:
    """Somebody's text could be read as part of the instructions."""
    enclosed = enclosed_spans(document)
    for each in document.placeholders:
        if each.kind is not PlaceholderKind.VARIABLE or not carries_text(each.name):
            continue
        if not is_delimited(document, each, enclosed):
            yield Hit(each.start, each.end, values={"name": each.name})


def carries_text(name: str) -> bool:
    """True when a variable of this name usually holds text that somebody else wrote."""
    names, only_alone = _text_names()
    folded = name.lower()
    last = folded.rsplit("_", 1)[-1]
    return folded in names or (last in names and last not in only_alone)


@cache
def _text_names() -> tuple[frozenset[str], frozenset[str]]:
    table = load_table("generation_service.lint.checks", "text_names.toml")
    return frozenset(texts_of(table, "names")), frozenset(texts_of(table, "only_alone"))


def enclosed_spans(document: Document) -> tuple[tuple[int, int], ...]:
    """The insides of the tags that mark data; `<task>`, `<prompt>` and the like mark instructions."""
    pairs = ((tag.end, tag.partner) for tag in document.tags if not tag.is_closing and _marks_data(tag.name))
    return merged((start, end) for start, end in pairs if end is not None)


def _marks_data(name: str) -> bool:
    parts = title_parts(name)
    is_instruction = bool(parts & _INSTRUCTIONS) and Part.INPUT not in parts
    return not is_instruction and name.lower() not in _WHOLE_PROMPT_TAGS


def is_delimited(document: Document, each: Placeholder, enclosed: tuple[tuple[int, int], ...]) -> bool:
    """True when the placeholder's value can't run into the instructions around it."""
    line = document.line_at(each.start)
    if line.is_code or is_inside(enclosed, each.start):
        return True
    before = document.text[max(line.start, each.start - _NEAR_CHARS) : each.start].rstrip()[-1:]
    after = document.text[each.end : min(line.end, each.end + _NEAR_CHARS)].lstrip()[:1]
    if before and _QUOTES.get(before) == after:
        return True
    if before or after:
        return before == ">" and after == "<"
    above = document.text[max(0, line.start - 4 * _NEAR_CHARS) : line.start].split("\n")[:-1]
    below = document.text[line.end : line.end + 4 * _NEAR_CHARS].split("\n")[1:]
    return _is_in_block(above, below) or _is_alone_in_section(above, below)


def _is_in_block(above: list[str], below: list[str]) -> bool:
    """True when a line of marks stands shortly before and shortly after."""
    return any(map(_BLOCK_MARK.match, above[-_NEAR_LINES:])) and any(map(_BLOCK_MARK.match, below[:_NEAR_LINES]))


def _is_alone_in_section(above: list[str], below: list[str]) -> bool:
    """True when the placeholder is all that stands under a heading."""
    before = next((line for line in reversed(above) if line.strip()), "")
    after = next((line for line in below if line.strip()), "#")
    return before.startswith("#") and after.startswith("#")


def _first_uses(document: Document) -> Iterator[Placeholder]:
    seen: set[str] = set()
    for each in document.placeholders:
        if each.kind is PlaceholderKind.VARIABLE and each.name not in seen:
            seen.add(each.name)
            yield each


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
