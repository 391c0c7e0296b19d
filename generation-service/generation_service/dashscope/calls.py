"""What goes into a model call and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.attempts import Usage


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One question to one model.

    Args:
        model: id of a model in the policy.
        messages: in the wire's own form, see `system`, `user` and `assistant`.
        purpose: what it is for, in a word ("parse"); stands in the attempt's row.
        temperature: 0 to below 2; None leaves it to the model.
        max_output_tokens: cap of the answer; ignored where the vendor refuses one (JSON object mode).
        thinking: let a model that can think do so; only where the answer is streamed.
        extra: further fields of the wire, passed through; ours win.
    """

    model: str
    messages: tuple[JsonObject, ...]
    purpose: str
    temperature: float | None = None
    max_output_tokens: int | None = None
    thinking: bool = False
    extra: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's thinking: billed, never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """What the call used; comes once, just before `Finished`."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event; a stream that ends without it has raised. `stop`, `length` or another word."""

    finish_reason: str


ModelEvent: TypeAlias = TextDelta | ReasoningDelta | UsageEvent | Finished


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer."""

    text: str
    finish_reason: str
    usage: Usage


def system(text: str) -> JsonObject:
    """A message with our own instructions."""
    return {"role": "system", "content": text}


def user(text: str) -> JsonObject:
    """A message with the user's data."""
    return {"role": "user", "content": text}


def assistant(text: str) -> JsonObject:
    """A message with what the model said before."""
    return {"role": "assistant", "content": text}


def text_of(message: JsonObject) -> str:
    """The text of a message, given as a string or as parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))
