"""What a version says: a text, or chat messages."""

from dataclasses import dataclass
from typing import TypeAlias

MAX_BODY_BYTES = 256 * 1024
"""Most bytes that content, or all messages together, may have in UTF-8."""
MAX_MESSAGES = 100

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is one of `ROLES`."""

    role: str
    content: str


Body: TypeAlias = str | tuple[Message, ...]
