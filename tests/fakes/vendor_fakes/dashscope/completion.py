"""One answer, decided before the first byte goes out: text, reasoning and the count of tokens."""

from dataclasses import dataclass

import orjson

from vendor_fakes.dashscope.answers.conversation import last_user_text, user_data, wanted_schema
from vendor_fakes.dashscope.answers.instance import instance_of
from vendor_fakes.dashscope.answers.parse import parse_answer
from vendor_fakes.dashscope.answers.prompt import prompt_answer
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.models import FakeModel
from vendor_fakes.dashscope.tokens import count_messages, count_text, first_tokens

_CHUNK_CHARS = 12
_CACHE_BLOCK_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model says to one request."""

    text: str
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int

    @property
    def chunks(self) -> list[str]:
        """The text as it is streamed."""
        return [self.text[at : at + _CHUNK_CHARS] for at in range(0, len(self.text), _CHUNK_CHARS)]

    @property
    def usage(self) -> JsonObject:
        """The usage object of the wire."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }


def complete(
    body: JsonObject, model: FakeModel, *, content: str | None, finish_reason: str | None, is_cached: bool
) -> Completion:
    """The answer to a request that obeys the rules; `content` replaces the fake's own."""
    text = _text(body) if content is None else content
    enable = body.get("enable_thinking")
    thinks = model.thinks(enable if isinstance(enable, bool) else None)
    reasoning = "The request is clear; the answer follows from its data." if thinks else ""
    text, reason = _limited(text, body, finish_reason or "stop")
    prompt_tokens = count_messages(body.get("messages"))
    cached = prompt_tokens // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS if is_cached else 0
    tokens = count_text(text) + count_text(reasoning)
    return Completion(text, reasoning, reason, prompt_tokens, tokens, cached)


def _text(body: JsonObject) -> str:
    data = user_data(body)
    schema = wanted_schema(body)
    if schema is not None:
        return orjson.dumps(_structured(data, schema, last_user_text(body))).decode()
    if isinstance(data.get("requirements"), list):
        return prompt_answer(data)
    return f"You said: {last_user_text(body)}"


def _structured(data: JsonObject, schema: JsonObject, said: str) -> JsonValue:
    description = data.get("description")
    properties = schema.get("properties")
    if isinstance(description, str) and isinstance(properties, dict) and "requirements" in properties:
        return parse_answer(description, data.get("language"), schema)
    texts = [value for value in data.values() if isinstance(value, str)]
    longest = max(texts, key=len, default=said)
    quote = next((line.strip() for line in longest.splitlines() if line.strip()), "")
    return instance_of(schema, source=quote[:200])


def _limited(text: str, body: JsonObject, finish_reason: str) -> tuple[str, str]:
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(limit, int) or count_text(text) <= limit:
        return text, finish_reason
    return first_tokens(text, limit), "length"
