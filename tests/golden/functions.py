"""What the API does not show in full: functions of generation-service, on all texts.

The only module of the golden run that imports a service. When a function moves, change its import line here.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from generation_service.lint.checks.contradictions import asks_for_a_style
from generation_service.lint.checks.examples import contract_keys, demands_json
from generation_service.lint.checks.parts import evidence_of
from generation_service.lint.checks.structure import units
from generation_service.lint.rules import lint
from generation_service.requirements.concepts import find_concepts
from generation_service.requirements.form import build_form
from generation_service.requirements.model_parser import _parsed as parsed_of_model
from generation_service.requirements.rule_parser.clauses import split_clauses
from generation_service.requirements.rule_parser.parser import parse
from generation_service.text.document import read
from generation_service.text.language import Language, count_units, foreign_share, is_in, language_of, language_of_line
from generation_service.text.parts_vocabulary import SIGNS
from generation_service.text.tokens import estimate_tokens
from generation_service.text.variables import extract, placeholders
from generation_service.writing.gates import _NOT_PROSE as NOT_PROSE
from generation_service.writing.gates import check
from generation_service.writing.phrasing import tidy
from generation_service.writing.tracing import trace
from generation_service.writing.values import WriteRequest
from generation_service.writing.variables import describe

from golden.comparing import WHITE_BOX, Documents, text_of
from golden.corpus import Recording, composed, descriptions, recordings, written

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def run_functions() -> Documents:
    """The documents of all cases; no server is needed."""
    asked = descriptions()
    texts = written() | composed()
    cases: dict[str, Any] = {f"parse/{name}": _parse(text) for name, text in asked.items()}
    cases |= {f"trace/{one.id}": _trace(one) for one in recordings()}
    cases |= {f"document/{name}": _document(text) for name, text in texts.items()}
    cases |= {f"language/{name}": _language(text) for name, text in (asked | texts).items()}
    return {f"{WHITE_BOX}{name}": text_of(_plain(case)) for name, case in cases.items()}


def _parse(description: str) -> Any:
    by_language = {"auto": parse(description)} | {each: parse(description, each) for each in LANGUAGES}
    return {
        "parsed": by_language,
        "clauses": split_clauses(description),
        "concepts": [(one.concept.id, one.start, one.end) for one in find_concepts(description)],
        "forms": [build_form(parsed, fallback) for parsed in by_language.values() for fallback in (False, True)],
    }


def _trace(one: Recording) -> Any:
    """Which words of the recorded prompts cover what the recorded parse found, and what the gates say."""
    language = language_of(one.description)
    parsed = parsed_of_model(one.description, language, one.parse)
    request = WriteRequest(parsed=parsed, answers={}, layout="markdown", language=language, max_tokens=None)
    texts = {"write": one.write} | ({} if one.rewrite is None else {"rewrite": one.rewrite})
    return {
        "parsed": parsed,
        "traces": {name: trace(parsed.requirements, text, language) for name, text in texts.items()},
        "by rules": {name: trace(parse(one.description).requirements, text, language) for name, text in texts.items()},
        "gates": {name: check(request, text) for name, text in texts.items()},
    }


def _document(text: str) -> Any:
    document = read(text)
    return {
        "document": document,
        "parts": {part.name: evidence_of(document, part) for part in SIGNS},
        "json": [demands_json(document), contract_keys(document)],
        "style": asks_for_a_style(document),
        "variables": [list(placeholders(text)), extract(text), *(describe(text, each) for each in LANGUAGES)],
        "lint": {str(limit): [_linted(text, each, limit) for each in LANGUAGES] for limit in (None, 50)},
    }


def _linted(text: str, language: Language, limit: int | None) -> Any:
    """Findings; what goes wrong today is recorded like the rest."""
    try:
        return lint(text, language, None, limit)
    except ValueError as failure:
        return f"raised {type(failure).__name__}"


def _language(text: str) -> Any:
    judges: dict[str, Callable[[str], Any]] = {
        "language_of": language_of,
        "count_units": count_units,
        "units": units,
        "estimate_tokens": estimate_tokens,
        "tidy": tidy,
    }
    return {name: judge(text) for name, judge in judges.items()} | {
        "foreign_share": [foreign_share(NOT_PROSE.sub(" ", text), each) for each in LANGUAGES],
        "lines": [
            [language_of_line(line), language_of(line), *(is_in(line, e) for e in LANGUAGES)]
            for line in text.splitlines()
        ],
    }


def _plain(value: Any) -> Any:
    """Values as JSON has them; a set in order."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(entry)) for entry in value)
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
