"""The four looks of a prompt; the content is the same in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from generation_service.text.data_tables import table_of, text_of
from generation_service.text.language import Language
from generation_service.writing.blocks import frame_table
from generation_service.writing.rule_writer.outline import Document, Section, SectionName
from generation_service.writing.values import Layout


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading with the sections under it, in order."""

    text: str
    sections: tuple[SectionName, ...]


def render(document: Document, layout: Layout, language: Language) -> str:
    """Write the document in a layout, ending with one line end."""
    parts = [title] if (title := _title(document, layout, language)) else []
    for heading in _headings(layout, language):
        sections = [section for name in heading.sections if (section := document.section(name))]
        if not sections:
            continue
        body = _body(sections)
        if layout == "xml":
            parts.append(f"<{heading.text}>\n{body}\n</{heading.text}>")
        else:
            parts.append(f"{heading.text}\n{body}")
    return "\n\n".join(parts) + "\n"


def _body(sections: list[Section]) -> str:
    """The sections under one heading; where one list follows another its numbers run on."""
    text = ""
    number = 0
    for section in sections:
        runs_on = section.style == "numbers" and number > 0 and not section.intro
        number = number if runs_on else 0
        # Alone under its heading the list of steps needs no introduction.
        introduced = section.intro and (section.name != "steps" or len(sections) > 1)
        lines = [section.intro] if introduced else []
        for item in section.items:
            number += section.style == "numbers"
            mark = {"numbers": f"{number}. ", "bullets": "- ", "lines": ""}[section.style]
            lines.append(mark + item.text)
        text += ("\n" if runs_on else "\n\n") + "\n".join(lines)
    return text.strip("\n")


def _title(document: Document, layout: Layout, language: Language) -> str:
    row = table_of(table_of(frame_table(), "layouts"), layout)
    template = text_of(row, f"title_{language}") or text_of(row, "title")
    return template.replace("{title}", document.title)


def _headings(layout: Layout, language: Language) -> Iterator[Heading]:
    row = table_of(table_of(frame_table(), "layouts"), layout)
    for zh, en, sections in cast("list[tuple[str, str, list[SectionName]]]", row["headings"]):
        yield Heading(zh if language == "zh" else en, tuple(sections))
