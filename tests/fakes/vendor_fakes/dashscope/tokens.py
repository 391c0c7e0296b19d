"""A deterministic token count; near the real tokenizer's order of size, and no more than that."""

import re
from itertools import islice

from vendor_fakes.dashscope.json_types import JsonValue

_TOKEN = re.compile(r"[A-Za-z]{1,6}|[0-9]{1,3}|[^\sA-Za-z0-9]")
_MESSAGE_OVERHEAD_TOKENS = 4


def count_text(text: str) -> int:
    """Tokens of a text."""
    return sum(1 for _ in _TOKEN.finditer(text))


def first_tokens(text: str, limit: int) -> str:
    """The text up to the end of its `limit`-th token."""
    ends = [match.end() for match in islice(_TOKEN.finditer(text), limit)]
    return text[: ends[-1]] if ends else ""


def count_messages(messages: JsonValue) -> int:
    """Tokens of a `messages` array, with the overhead of each message."""
    if not isinstance(messages, list):
        return 0
    return sum(_MESSAGE_OVERHEAD_TOKENS + count_text(text_of(message)) for message in messages)


def text_of(message: JsonValue) -> str:
    """The text of one message, whether given as a string or as parts."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))
