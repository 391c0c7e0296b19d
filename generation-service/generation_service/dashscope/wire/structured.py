"""Structured answers: how a schema is asked for, and how an answer is checked against it."""

import json
from collections.abc import Iterator

import orjson
from jsonschema import Draft202012Validator
from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.calls import ModelCall, assistant, system, user
from generation_service.dashscope.policy import ModelPolicy
from generation_service.text.thoughts import without_thoughts

_MAX_CANDIDATES = 16
_MAX_PROBLEMS = 10
_MAX_PROBLEM_CHARS = 200


def response_format(policy: ModelPolicy, schema: JsonObject, *, name: str) -> JsonObject | None:
    """The strictest form the model supports; None when it supports none."""
    if policy.structured == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}
    return {"type": "json_object"} if policy.structured == "json_object" else None


def with_schema_shown(call: ModelCall, policy: ModelPolicy, schema: JsonObject) -> tuple[JsonObject, ...]:
    """The call's messages; where the wire does not carry the schema, one more message shows it."""
    if policy.structured == "json_schema":
        return call.messages
    shown = (
        "Answer with exactly one JSON object and nothing around it. It must satisfy this JSON Schema:\n"
        + orjson.dumps(schema).decode()
    )
    return (*call.messages[:1], system(shown), *call.messages[1:])


def check_answer(text: str, schema: JsonObject, *, is_cut: bool) -> tuple[JsonObject, tuple[str, ...]]:
    """The answer and what is wrong with it; nothing wrong means that it satisfies the schema."""
    if is_cut:
        return {}, ("the answer was cut off before its end",)
    problems: tuple[str, ...] = ("the answer is not JSON",)
    best: JsonObject = {}
    validator = Draft202012Validator(schema)
    for value in _values(text):
        if isinstance(value, dict):
            found = _problems(validator, value)
            if not found:
                return value, ()
            best, problems = (value, found) if not best else (best, problems)
        elif not best:
            problems = ("the answer is not a JSON object",)
    return best, problems


def _problems(validator: Draft202012Validator, value: JsonObject) -> tuple[str, ...]:
    errors = validator.iter_errors(value)
    return tuple(
        f"{error.json_path}: {error.message[:_MAX_PROBLEM_CHARS]}"
        for _, error in zip(range(_MAX_PROBLEMS), errors, strict=False)
    )


def _values(text: str) -> Iterator[JsonValue]:
    """The whole answer as JSON; else each object in it, the last first, for what a model corrects comes later.

    Thinking, fences and sentences around an object are let go; what is inside has to be JSON to the letter.
    """
    try:
        yield orjson.loads(text)
    except orjson.JSONDecodeError:
        yield from reversed([*_objects_in(without_thoughts(text))])


def _objects_in(text: str) -> Iterator[JsonValue]:
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(_MAX_CANDIDATES):
        if at < 0:
            return
        try:
            _, end = decoder.raw_decode(text, at)
            yield orjson.loads(text[at:end])
        except (ValueError, RecursionError):  # no object begins here, or none to the letter
            end = at + 1
        at = text.find("{", end)


def repair_messages(messages: tuple[JsonObject, ...], answer: str, problems: tuple[str, ...]) -> tuple[JsonObject, ...]:
    """The conversation that asks once more, with the exact problems."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    again = (
        f"Your answer does not satisfy the JSON Schema:\n{listed}\n"
        "Answer again with the whole corrected JSON object and nothing around it."
    )
    return (*messages, assistant(answer), user(again))
