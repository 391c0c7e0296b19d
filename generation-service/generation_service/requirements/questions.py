"""The questions that a form can ask, and what each possible answer means for the prompt."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from servicekit.json_types import JsonObject

from generation_service.requirements.values import Impact
from generation_service.text.data_tables import both_languages, load_table, table_of, text_of
from generation_service.text.language import Language
from generation_service.text.negation import is_negated

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice; `sentences` go into the prompt, empty ones add nothing, `@name` stands for a concept."""

    value: str
    labels: dict[Language, str]
    sentences: dict[Language, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One field of a form; `section` says where its answer goes in the prompt."""

    name: str
    kind: Literal["text", "enum"]
    section: str
    impact: Impact
    required: bool
    max_chars: int
    titles: dict[Language, str]
    reasons: dict[Language, str]
    sayings: dict[Language, str]
    options: tuple[Option, ...]

    def answer_in(self, description: str) -> tuple[str, str] | None:
        """The option that the description names by its label, with the words that name it; None when it names none."""
        for option in self.options[1:]:
            labels = sorted(option.labels.values(), key=len, reverse=True)
            pattern = "|".join(rf"(?<![A-Za-z]){re.escape(label)}(?![A-Za-z])" for label in labels)
            for match in re.finditer(pattern, description, re.IGNORECASE):
                if not is_negated(description, match.start()):
                    return option.value, match.group()
        return None


@cache
def questions() -> dict[str, Question]:
    """All questions by name."""
    table = load_table("generation_service.requirements", "fields.toml")
    return {name: _question(name, row) for name, row in table.items() if isinstance(row, dict)}


def _question(name: str, row: JsonObject) -> Question:
    limit = row.get("max_chars", 500)
    return Question(
        name=name,
        kind="enum" if text_of(row, "kind") == "enum" else "text",
        section=text_of(row, "section"),
        impact=cast("Impact", text_of(row, "impact")),
        required=row.get("required") is True,
        max_chars=limit if isinstance(limit, int) else 500,
        titles=both_languages(row, "title"),
        reasons=both_languages(row, "why"),
        sayings=both_languages(row, "say"),
        options=tuple(_option(value, cells) for value, cells in table_of(row, "options").items()),
    )


def _option(value: str, cells: object) -> Option:
    zh_label, en_label, zh_say, en_say = cast("list[str]", cells)
    return Option(value, {"zh": zh_label, "en": en_label}, {"zh": zh_say, "en": en_say})
