"""Reading a request the way a model would: which task is it, in which data, under which schema."""

import orjson

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.tokens import text_of


def user_data(body: JsonObject) -> JsonObject:
    """The first user message that is a JSON object; empty when there is none."""
    for message in _messages(body):
        if isinstance(message, dict) and message.get("role") == "user":
            found = parse_object(text_of(message))
            if found is not None:
                return found
    return {}


def last_user_text(body: JsonObject) -> str:
    """The text of the last user message."""
    texts = [text_of(m) for m in _messages(body) if isinstance(m, dict) and m.get("role") == "user"]
    return texts[-1] if texts else ""


def wanted_schema(body: JsonObject) -> JsonObject | None:
    """The JSON Schema that the answer must satisfy: given by `response_format` or shown in a message."""
    response_format = body.get("response_format")
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_schema":
        wrapper = response_format.get("json_schema")
        schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
        return schema if isinstance(schema, dict) else None
    if response_format.get("type") == "json_object":
        return next((found for m in _messages(body) for found in [_embedded_schema(text_of(m))] if found), {})
    return None


def parse_object(text: str) -> JsonObject | None:
    """The text as a JSON object; None when it is not one."""
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _messages(body: JsonObject) -> list[JsonValue]:
    messages = body.get("messages")
    return messages if isinstance(messages, list) else []


def _embedded_schema(text: str) -> JsonObject | None:
    for line in text.splitlines():
        found = parse_object(line.strip()) if line.lstrip().startswith("{") else None
        if found is not None and found.get("type") == "object" and "properties" in found:
            return found
    return None
