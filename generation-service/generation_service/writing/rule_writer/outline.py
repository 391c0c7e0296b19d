"""A prompt before it has a layout: sections of items, each of which knows whether it may be left out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

SectionName: TypeAlias = Literal[
    "role", "audience", "goal", "tasks", "done", "non_goals", "inputs", "steps", "rules", "tone", "output", "length",
    "unsure", "examples",
]  # fmt: skip

KEEP = 0
"""Rank of what must stay; the higher the rank, the earlier an item is left out."""


@dataclass(frozen=True, slots=True)
class Item:
    """One sentence or list item; `rank` is KEEP or how expendable it is."""

    text: str
    rank: int = KEEP


@dataclass(frozen=True, slots=True)
class Section:
    """Items of one meaning; `intro` stands before them, `style` says how they are listed."""

    name: SectionName
    style: Literal["lines", "bullets", "numbers"]
    items: tuple[Item, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole prompt: title and sections, those without items left out."""

    title: str
    sections: tuple[Section, ...]

    def section(self, name: SectionName) -> Section | None:
        """Return a section by name."""
        return next((section for section in self.sections if section.name == name), None)


def fit(document: Document, render: Callable[[Document], str], fits: Callable[[str], bool]) -> str:
    """Render the document, leaving out as little as possible so that it fits.

    Items go from the highest rank and the end of the text upwards, one at a time; what must stay stays even when the
    result does not fit: the gate, not the composer, decides what that means.
    """
    content = render(document)
    while not fits(content):
        ranks = [item.rank for section in document.sections for item in section.items]
        worst = max(ranks, default=KEEP)
        if worst == KEEP:
            break
        document = _without_last(document, worst)
        content = render(document)
    return content


def _without_last(document: Document, rank: int) -> Document:
    sections = list(document.sections)
    for index in range(len(sections) - 1, -1, -1):
        items = sections[index].items
        positions = [place for place, item in enumerate(items) if item.rank == rank]
        if positions:
            kept = items[: positions[-1]] + items[positions[-1] + 1 :]
            sections[index : index + 1] = [replace(sections[index], items=kept)] if kept else []
            break
    return replace(document, sections=tuple(sections))
