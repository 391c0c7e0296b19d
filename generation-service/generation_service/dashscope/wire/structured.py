"""Structured answers: how a schema is asked for, and how an answer is checked against it."""

import re

import orjson
from jsonschema import Draft202012Validator
from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.calls import ModelCall, assistant, system, user
from generation_service.dashscope.policy import ModelPolicy

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(?P<body>.*)\n```\s*\Z", re.DOTALL)
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
    fenced = _FENCE.match(text)
    try:
        value: JsonValue = orjson.loads(fenced["body"] if fenced else text)
    except orjson.JSONDecodeError:
        return {}, ("the answer is not JSON",)
    if not isinstance(value, dict):
        return {}, ("the answer is not a JSON object",)
    errors = Draft202012Validator(schema).iter_errors(value)
    problems = [
        f"{error.json_path}: {error.message[:_MAX_PROBLEM_CHARS]}"
        for _, error in zip(range(_MAX_PROBLEMS), errors, strict=False)
    ]
    return value, tuple(problems)


def repair_messages(messages: tuple[JsonObject, ...], answer: str, problems: tuple[str, ...]) -> tuple[JsonObject, ...]:
    """The conversation that asks once more, with the exact problems."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    again = (
        f"Your answer does not satisfy the JSON Schema:\n{listed}\n"
        "Answer again with the whole corrected JSON object and nothing around it."
    )
    return (*messages, assistant(answer), user(again))
