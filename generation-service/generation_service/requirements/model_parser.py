"""Understanding a description with a model: one JSON call, whose every claim is checked here."""

from collections.abc import Iterator

import orjson
from servicekit.errors import Unavailable
from servicekit.json_types import JsonObject, JsonValue
from servicekit.normal_form import nfc

from generation_service.dashscope.calls import ModelCall, system, user
from generation_service.dashscope.client import ModelClient
from generation_service.instructions.leaks import LeakGuard, load_instructions
from generation_service.requirements.agents import agent_type_of, agent_types
from generation_service.requirements.unknowns import MOST_UNKNOWNS
from generation_service.requirements.values import (
    Impact,
    InputClass,
    ParsedDescription,
    Requirement,
    RequirementKind,
    Unknown,
    WantedLanguage,
)
from generation_service.text.language import Language, language_of

_MOST_REQUIREMENTS = 40
_MOST_TEXT_CHARS = 500
_MAX_OUTPUT_TOKENS = 4_000
_IMPACTS: tuple[Impact, ...] = ("high", "medium", "low")


async def parse_with_model(
    client: ModelClient, description: str, language: WantedLanguage = "auto"
) -> ParsedDescription:
    """Read a description into requirements with the small fast model.

    Args:
        client: brings the model (`client.models.parse`) and notes the attempts.
        description: what `check_description` returned; travels as JSON data, never as instructions.
        language: language of the questions and of the prompt to write; `auto` takes the description's.

    Returns:
        Requirements with ids given here; a quote stands in the description verbatim, else it is inferred.

    Raises:
        SphereError: the model failed (`model_*`); the caller may fall back to `rule_parser.parser.parse`.
    """
    text = nfc(description)
    chosen: Language = language_of(text) if language == "auto" else language
    instructions = load_instructions("parse")
    call = ModelCall(
        model=client.models.parse,
        messages=(
            system(instructions.text),
            user(orjson.dumps({"description": text, "language": chosen}).decode()),
        ),
        purpose="parse",
        temperature=0.0,
        max_output_tokens=_MAX_OUTPUT_TOKENS,
    )
    answer = await client.complete_json(call, parse_schema())
    guard = LeakGuard(instructions)
    guard.feed("\n".join(_strings(answer)))
    if guard.has_leaked:
        raise Unavailable(
            "The model's answer could not be used; try again or rephrase the description.",
            reason="model_output_invalid",
            metadata={"model": client.models.parse},
        )
    return _parsed(text, chosen, answer)


def parse_schema() -> JsonObject:
    """The JSON Schema of the answer; strict, so every property is required."""
    requirement = _closed(
        {
            "kind": {"type": "string", "enum": [kind.value for kind in RequirementKind]},
            "text": {"type": "string"},
            "source_quote": {"type": ["string", "null"]},
            "priority": {"type": "string", "enum": ["must", "should"]},
        }
    )
    unknown = _closed(
        {
            "question": {"type": "string"},
            "why": {"type": "string"},
            "impact": {"type": "string", "enum": list(_IMPACTS)},
        }
    )
    return _closed(
        {
            "input_class": {"type": "string", "enum": [each.value for each in InputClass]},
            "agent_type": {"type": "string", "enum": list(agent_types())},
            "requirements": {"type": "array", "items": requirement},
            "unknowns": {"type": "array", "items": unknown},
        }
    )


def _closed(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _parsed(description: str, language: Language, answer: JsonObject) -> ParsedDescription:
    input_class = InputClass(str(answer["input_class"]))
    requirements = _requirements(description, answer["requirements"]) if input_class is InputClass.OK else ()
    if input_class is InputClass.OK and not requirements:
        input_class = InputClass.TOO_VAGUE
    asks = input_class in {InputClass.OK, InputClass.TOO_VAGUE}
    return ParsedDescription(
        description=description,
        language=language,
        input_class=input_class,
        agent_type=agent_type_of(str(answer["agent_type"])).id,
        requirements=requirements,
        unknowns=_unknowns(answer["unknowns"]) if asks else (),
    )


def _requirements(description: str, entries: JsonValue) -> tuple[Requirement, ...]:
    found: dict[str, Requirement] = {}
    for entry in _objects(entries):
        text = _clean(entry["text"])
        if not text or text.casefold() in found or len(found) == _MOST_REQUIREMENTS:
            continue
        quote = _verified(description, entry["source_quote"])
        is_must = entry["priority"] == "must" and quote is not None
        found[text.casefold()] = Requirement(
            id=f"R{len(found) + 1}",
            kind=RequirementKind(str(entry["kind"])),
            text=text,
            source_quote=quote,
            priority="must" if is_must else "should",  # an assumption never binds
            inferred=quote is None,
        )
    return tuple(found.values())


def _verified(description: str, quote: JsonValue) -> str | None:
    """The quote when it truly stands in the description."""
    if not isinstance(quote, str):
        return None
    words = nfc(quote).strip()
    return words if words and words in description else None


def _unknowns(entries: JsonValue) -> tuple[Unknown, ...]:
    asked = [entry for entry in _objects(entries) if _clean(entry["question"])]
    asked.sort(key=lambda entry: _IMPACTS.index(_impact(entry["impact"])))
    return tuple(
        Unknown(f"U{number}", _clean(entry["question"]), _clean(entry["why"]), _impact(entry["impact"]))
        for number, entry in enumerate(asked[:MOST_UNKNOWNS], start=1)
    )


def _impact(value: JsonValue) -> Impact:
    return next((impact for impact in _IMPACTS if impact == value), "low")


def _objects(entries: JsonValue) -> list[JsonObject]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _strings(value: JsonValue) -> Iterator[str]:
    """Every string in an answer, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _strings(entry)


def _clean(value: JsonValue) -> str:
    text = nfc(value) if isinstance(value, str) else ""
    return " ".join(text.replace("\x00", " ").split())[:_MOST_TEXT_CHARS]
