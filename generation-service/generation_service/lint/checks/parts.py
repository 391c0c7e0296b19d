"""Rules about what a prompt must have.

A part counts as there when a heading, a complete pair of tags or a label announces it (`parts_vocabulary.TITLES`:
"## 角色", "<role>", "**输出格式**：", "# RESPONSE #"), or when a sentence shows it (`parts_vocabulary.SIGNS`).
Examples and code don't count.

- `no-role` (warning): neither, for the role ("你是…", "扮演", "You are a …", "Act as …").
- `no-task` (warning): neither, for the task; sentences under headings of rules, output, fallback or role
  don't count.
- `no-output-format` (warning): neither, for the shape of the answer; a fenced JSON block counts too.
- `no-constraints` (warning): neither, for rules ("必须", "不要", "must", "never", "only" …).
- `no-fallback` (warning): neither, for what to do when the input is missing, unclear or out of scope (a
  condition and a trouble in one sentence: "如果资料不足…", "If the answer is not in …"; or "转人工",
  "escalate").
"""

import re
from collections.abc import Iterable, Iterator

from generation_service.lint.checks.opposites import CONDITIONAL
from generation_service.lint.values import Expectations, Hit
from generation_service.text.document import Document, Sentence
from generation_service.text.parts_vocabulary import SIGNS, Part

_NOT_A_TASK = frozenset({Part.RULES, Part.OUTPUT, Part.FALLBACK, Part.PROHIBITION, Part.ROLE, Part.AUDIENCE})
_JSON_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(?:json|jsonc|json5)\b", re.IGNORECASE)


def sections_of(document: Document, part: Part) -> Iterator[tuple[int, int]]:
    """Where the sections of a part stand, title included; those inside examples are left out."""
    for section in document.sections:
        if part in section.parts and not document.is_example(section.start):
            yield section.start, section.end


def sentence_with(sentences: Iterable[Sentence], part: Part) -> Sentence | None:
    """The first sentence that shows the part."""
    signs = SIGNS[part]
    for sentence in sentences:
        if signs.alone.search(sentence.text):
            return sentence
        if signs.condition is None or signs.trouble is None:
            continue
        if signs.condition.search(sentence.text) and signs.trouble.search(sentence.text):
            return sentence
    return None


def evidence_of(document: Document, part: Part) -> tuple[int, int] | None:
    """Where the prompt shows the part: the title of its section, or the sentence; None when it does
    neither.
    """
    for section in document.sections:
        if part not in section.parts or document.is_example(section.start):
            continue
        if document.text[section.body_start : section.end].strip():
            return section.start, section.body_start
    sentence = sentence_with(_sentences_for(document, part), part)
    if sentence is not None:
        return sentence.start, sentence.start + len(sentence.text)
    if part is Part.OUTPUT:
        for line in document.lines:
            if line.is_code and _JSON_FENCE.match(line.text) and not document.is_example(line.start):
                return line.start, line.end
    return None


def _sentences_for(document: Document, part: Part) -> Iterable[Sentence]:
    """The sentences that may show the part: what to do in trouble says nothing about the usual answer."""
    if part is Part.TASK:
        return _outside(document, _NOT_A_TASK)
    if part is Part.OUTPUT:
        usual = _outside(document, frozenset({Part.FALLBACK}))
        return (sentence for sentence in usual if not CONDITIONAL.search(sentence.text))
    return document.sentences


def _outside(document: Document, parts: frozenset[Part]) -> Iterator[Sentence]:
    """The sentences that stand in no section of these parts; a section of a task inside one brings them
    back.
    """
    barred = [
        (section.start, section.end)
        for section in document.sections
        if section.parts & parts and Part.TASK not in section.parts
    ]
    position = 0
    barred_until = -1
    for sentence in document.sentences:
        while position < len(barred) and barred[position][0] <= sentence.start:
            barred_until = max(barred_until, barred[position][1])
            position += 1
        if sentence.start >= barred_until:
            yield sentence


def _missing(document: Document, part: Part) -> Iterator[Hit]:
    if document.text.strip() and evidence_of(document, part) is None:
        yield Hit()


def no_role(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt doesn't say who the model is."""
    return _missing(document, Part.ROLE)


def no_task(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt doesn't say what to do."""
    return _missing(document, Part.TASK)


def no_output_format(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt doesn't say what the answer looks like."""
    return _missing(document, Part.OUTPUT)


def no_constraints(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt sets no rule."""
    return _missing(document, Part.RULES)


def no_fallback(document: Document, _: Expectations) -> Iterator[Hit]:
    """The prompt doesn't say what to do when it can't be done."""
    return _missing(document, Part.FALLBACK)
