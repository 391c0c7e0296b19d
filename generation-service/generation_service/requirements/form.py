"""The form that asks for what a description leaves open: JSON Schema 2020-12 and hints for a screen."""

from jsonschema import Draft202012Validator
from servicekit.errors import InvalidArgument, Violation
from servicekit.json_types import JsonObject, JsonValue

from generation_service.requirements.agents import agent_type_of
from generation_service.requirements.concepts import find_concepts
from generation_service.requirements.people import people_of
from generation_service.requirements.questions import OTHER, Question, questions
from generation_service.requirements.values import Form, ParsedDescription, RequirementKind
from generation_service.text.language import Language

MOST_REQUIRED = 5
_COMMON = ("audience", "tone", "output_format", "length", "forbidden", "example")
_FALLBACK = ("task_detail", *_COMMON)
_MOST_OTHER_CHARS = 500
_KINDS = {
    "audience": RequirementKind.AUDIENCE,
    "tone": RequirementKind.TONE,
    "output_format": RequirementKind.FORMAT,
}
_OTHER_LABELS: dict[Language, tuple[str, str]] = {
    "zh": ("其他", "请写明你想要的。"),
    "en": ("Other", "Say what you would like instead."),
}


def build_form(parsed: ParsedDescription, fallback: bool = False) -> Form:  # noqa: FBT001, FBT002
    """Make the form for what was understood.

    Args:
        parsed: the description, understood.
        fallback: make the fixed form that fits every agent, for when understanding failed.

    Returns:
        A form in the language of the request; `prefill` is valid by itself, at most five fields are required.
    """
    names = _FALLBACK if fallback else (*agent_type_of(parsed.agent_type).fields, *_COMMON)
    properties: JsonObject = {}
    ui: JsonObject = {}
    prefill: JsonObject = {}
    required: list[JsonValue] = []
    conditions: list[JsonValue] = []
    order: list[JsonValue] = []
    for name in names:
        question = questions()[name]
        value, quote = _proposal(question, parsed, fallback=fallback)
        explained = _explained(question, parsed.language, value, quote)
        properties[name] = {**_property(question, parsed.language), **explained}
        ui[name] = {**_widget(question, parsed.language), **explained}
        order.append(name)
        if value:
            prefill[name] = value
        if value and len(required) < MOST_REQUIRED and (question.required or name in _KINDS):
            required.append(name)
        if question.kind == "enum":
            properties[f"{name}_{OTHER}"] = _other_property(question, parsed.language)
            ui[f"{name}_{OTHER}"] = {"widget": "text", "visible_when": {name: OTHER}}
            order.append(f"{name}_{OTHER}")
            conditions.append(_other_needs_text(name))
    schema: JsonObject = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
        "allOf": conditions,
    }
    return Form(schema, {**ui, "order": order}, prefill, fallback)


def check_answers(form: Form, answers: JsonObject) -> JsonObject:
    """Complete the answers with the prefill and check them with the form's own schema.

    Raises:
        InvalidArgument: for answers that are there and wrong; one pointer below `/input/answers` for each.
    """
    merged: JsonObject = {**form.prefill, **{name: value for name, value in answers.items() if value is not None}}
    errors = sorted(Draft202012Validator(form.schema).iter_errors(merged), key=lambda error: list(error.path))
    violations = [
        Violation("/input/answers" + "".join(f"/{_escaped(str(step))}" for step in where), message)
        for error in errors
        for where, message in _places(list(error.absolute_path), str(error.validator), error.message, merged, form)
    ]
    if violations:
        raise InvalidArgument("Some answers do not fit the form; see errors for which.", violations=violations)
    return merged


def _places(
    path: list[str | int], validator: str, message: str, merged: JsonObject, form: Form
) -> list[tuple[list[str | int], str]]:
    """Where an error is: an unknown or a missing property is reported at its own place, not at its parent's."""
    known = form.schema["properties"]
    if validator == "additionalProperties" and isinstance(known, dict):
        return [([*path, name], "The form has no such field.") for name in merged if name not in known]
    if validator == "required":
        name = message.split("'")[1]
        return [([*path, name], "This field is needed with the other answers.")]
    return [(path, message[:200])]


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _proposal(question: Question, parsed: ParsedDescription, *, fallback: bool) -> tuple[str, str | None]:
    """The answer to begin with, and the words of the description that it rests on."""
    stated = None if fallback else _stated_words(question, parsed)
    if question.kind == "text":
        if question.name == "audience":
            return people_of(stated or "") or agent_type_of(parsed.agent_type).audiences[parsed.language], stated
        return "", None
    named = None if fallback else question.answer_in(parsed.description)
    if named:
        return named
    if stated:
        concepts = {f"@{match.concept.id}" for match in find_concepts(stated)}
        for option in question.options:
            if option.sentences[parsed.language] in concepts:
                return option.value, stated
    return question.options[0].value, stated


def _stated_words(question: Question, parsed: ParsedDescription) -> str | None:
    kind = _KINDS.get(question.name)
    quotes = [each.source_quote for each in parsed.requirements if each.kind is kind and each.source_quote]
    return quotes[0][: question.max_chars] if quotes else None


def _explained(question: Question, language: Language, value: str, quote: str | None) -> JsonObject:
    return {
        "why_asked": question.reasons[language],
        "default": value,
        "impact": question.impact,
        "source_quote": quote,
    }


def _property(question: Question, language: Language) -> JsonObject:
    row: JsonObject = {"type": "string", "title": question.titles[language], "description": question.reasons[language]}
    if question.kind == "text":
        return {**row, "maxLength": question.max_chars}
    return {**row, "enum": [*(option.value for option in question.options), OTHER]}


def _widget(question: Question, language: Language) -> JsonObject:
    if question.kind == "text":
        return {"widget": "textarea" if question.max_chars > _MOST_OTHER_CHARS else "text"}
    labels: JsonObject = {option.value: option.labels[language] for option in question.options}
    return {"widget": "select", "labels": {**labels, OTHER: _OTHER_LABELS[language][0]}}


def _other_property(question: Question, language: Language) -> JsonObject:
    label, hint = _OTHER_LABELS[language]
    return {
        "type": "string",
        "title": f"{question.titles[language]} {label}",
        "description": hint,
        "maxLength": _MOST_OTHER_CHARS,
        "why_asked": question.reasons[language],
        "default": "",
        "impact": question.impact,
        "source_quote": None,
    }


def _other_needs_text(name: str) -> JsonObject:
    other = f"{name}_{OTHER}"
    return {
        "if": {"properties": {name: {"const": OTHER}}, "required": [name]},
        "then": {"required": [other], "properties": {other: {"minLength": 1}}},
    }
