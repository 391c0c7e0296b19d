"""The variables of a prompt, described for the application that fills them in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from servicekit.json_types import JsonValue

from generation_service.text.data_tables import bilingual_texts
from generation_service.text.language import Language
from generation_service.text.variables import PlaceholderKind, extract, placeholders

VariableType: TypeAlias = Literal["string", "number", "boolean", "enum", "json"]

_TITLE_CHARS = 40
_LABEL_BEFORE = re.compile(
    r"^[\s\-*•>#\d.、]{0,80}(?:\*\*)?(?P<label>[^{}:：*]{1,40}?)(?:\*\*)?\s{0,80}[:：]\s{0,80}(?:\*\*)?\s{0,80}$"
)


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
    usual = bilingual_texts("generation_service.writing", "variable_titles.toml").get(name.lower())
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
