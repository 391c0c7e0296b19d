r"""Variables and references inside a prompt: `{{ name }}`, `{{> name@label}}`, and `\{{` for literal braces.

The grammar is product.md P5 and P7: a name is `[A-Za-z_][A-Za-z0-9_]*`, spaces and tabs may stand inside the
braces, nothing else may. There are no expressions, filters or nested braces. One regular expression reads the
text from left to right; no alternative can look past the next brace or line end, so the work is linear in the
length of the text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, TypeAlias

from generation_service.requirements.domain import JsonValue, Language
from generation_service.writing.variable_names import TITLES

VariableType: TypeAlias = Literal["string", "number", "boolean", "enum", "json"]

MAX_VARIABLES = 100
"""Most variables that one prompt may have (api.md, Limits)."""

_TITLE_CHARS = 40
_PLACEHOLDER = re.compile(
    r"(?P<escaped>\\\{\{)"
    r"|\{\{[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}"
    r"|\{\{>(?P<reference>[^{}\n]*)\}\}"
    r"|\{(?=\{\{)"  # `{{{ name }}}` is a brace, a variable and a brace, as it is for the renderer
    r"|(?P<malformed>\{\{[^{}\n]*(?:\}\}?|$)?)",
    re.MULTILINE,
)
_SEGMENT = r"[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-]))*"
_REFERENCE = re.compile(
    rf"[ \t]*(?P<name>{_SEGMENT}(?:/{_SEGMENT}){{0,9}})@(?:v(?P<version>[0-9]{{1,9}})"
    rf"|(?P<label>[a-z][a-z0-9_.-]{{0,35}}))[ \t]*"
)
_VERSION_LIKE = re.compile(r"v[0-9]+")
_LABEL_BEFORE = re.compile(r"^[\s\-*•>#\d.、]*(?:\*\*)?(?P<label>[^{}:：*]{1,40}?)(?:\*\*)?\s*[:：]\s*(?:\*\*)?\s*$")


class PlaceholderKind(StrEnum):
    """What a pair of opening braces turned out to be."""

    VARIABLE = "variable"
    REFERENCE = "reference"
    BAD_REFERENCE = "bad_reference"
    MALFORMED = "malformed"
    ESCAPED = "escaped"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder with its place in code points; `name` is the variable, the `name@label` or the raw
    text.
    """

    kind: PlaceholderKind
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the application fills in when it renders the prompt; `max_chars` counts code points."""

    name: str
    type: VariableType = "string"
    required: bool = True
    default: JsonValue = None
    title: str = ""
    description: str = ""
    max_chars: int | None = None
    example: JsonValue = None


def placeholders(content: str) -> Iterator[Placeholder]:
    """Every placeholder of the text from left to right, right or wrong, in one pass."""
    for match in _PLACEHOLDER.finditer(content):
        start, end = match.span()
        if match["escaped"] is not None:
            yield Placeholder(PlaceholderKind.ESCAPED, "", start, end)
        elif match["name"] is not None:
            yield Placeholder(PlaceholderKind.VARIABLE, match["name"], start, end)
        elif match["reference"] is not None:
            target = reference_target(match["reference"])
            kind = PlaceholderKind.REFERENCE if target else PlaceholderKind.BAD_REFERENCE
            yield Placeholder(kind, target or match[0], start, end)
        elif match["malformed"] is not None:
            yield Placeholder(PlaceholderKind.MALFORMED, match[0], start, end)


def reference_target(text: str) -> str | None:
    """`name@label` or `name@v3` in its canonical spelling, or None when the text between `{{>` and `}}` is
    neither.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["name"]) > 128:
        return None
    if match["version"] is not None:
        number = int(match["version"])
        return f"{match['name']}@v{number}" if number else None
    return None if _VERSION_LIKE.fullmatch(match["label"]) else f"{match['name']}@{match['label']}"


def extract(content: str) -> tuple[str, ...]:
    """The names of the variables in the order of their first use, each once."""
    found = (each.name for each in placeholders(content) if each.kind is PlaceholderKind.VARIABLE)
    return tuple(dict.fromkeys(found))


def describe(content: str, language: Language, declared: Iterable[Variable] = ()) -> tuple[Variable, ...]:
    """The variables of the text, described.

    A declared variable wins; what it leaves blank, and every undeclared one, is filled from the table of
    usual names, then from the label that stands before the placeholder ("用户问题：{{ q }}"), then from the
    name itself. Declared variables that the text does not use are left out (lint names them: var-unused).
    """
    by_name = {variable.name: variable for variable in declared}
    labels = _labels(content)
    return tuple(_described(by_name.get(name, Variable(name)), language, labels) for name in extract(content))


def _described(variable: Variable, language: Language, labels: dict[str, str]) -> Variable:
    name = variable.name
    usual = TITLES.get(name.lower())
    fallback = labels.get(name) or name.replace("_", " ").strip() or name
    title = variable.title or (usual[language] if usual else fallback)[:_TITLE_CHARS]
    template = "由调用方在渲染时填入的{title}。" if language == "zh" else "The {title}, filled in by the application."
    description = variable.description or template.format(title=title if language == "zh" else title.lower())
    return replace(variable, title=title, description=description)


def _labels(content: str) -> dict[str, str]:
    """The words before the first use of each variable, when they are a label that ends with a colon."""
    labels: dict[str, str] = {}
    seen: set[str] = set()
    for each in placeholders(content):
        if each.kind is not PlaceholderKind.VARIABLE or each.name in seen:
            continue
        seen.add(each.name)
        line_start = content.rfind("\n", max(0, each.start - 80), each.start) + 1
        match = _LABEL_BEFORE.match(content[max(line_start, each.start - 80) : each.start])
        if match:
            labels[each.name] = match["label"].strip()
    return labels
