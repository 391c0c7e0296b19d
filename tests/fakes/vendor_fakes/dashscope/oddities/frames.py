"""The pieces from which a scripted reply is put together: chunks, frames, whole streams."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue

USAGE: JsonObject = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
DONE = b"data: [DONE]\n\n"
_PIECE_CHARS = 7


@dataclass(frozen=True, slots=True)
class Oddity:
    """What some server sends, and what has to come of it.

    Attributes:
        name: what is odd.
        seen: where it was seen.
        body: the reply that carries a text.
        end: `stop`, `length`, or the reason of the failure.
        usage: input and output tokens as reported; None when they are our estimate.
        said: what is heard of the text.
    """

    name: str
    seen: str
    body: Callable[[str], bytes]
    end: str = "stop"
    usage: tuple[int, int] | None = (11, 7)
    said: Callable[[str], str] = str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def pieces(text: str) -> list[str]:
    """A text as a model streams it."""
    return [text[at : at + _PIECE_CHARS] for at in range(0, len(text), _PIECE_CHARS)]


def chunk(delta: JsonValue, *, finish: JsonValue = None, **more: JsonValue) -> JsonObject:
    """The document of one frame; `more` goes beside `choices`."""
    choice: JsonObject = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def frame(document: JsonValue) -> bytes:
    """A document as an event."""
    return b"data: " + orjson.dumps(document) + b"\n\n"


def said(text: str) -> list[JsonObject]:
    """The documents of a text."""
    return [chunk({"content": piece}) for piece in pieces(text)]


def counted(usage: JsonValue) -> JsonObject:
    """The last document, with the usage and without choices."""
    return {"id": "chatcmpl-1", "choices": [], "usage": usage}


def stream(
    text: str,
    *,
    finish: JsonValue = "stop",
    usage: JsonValue = None,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
    done: bytes = DONE,
) -> bytes:
    """A whole stream: `before` all frames, `between` the pieces of the text, `after` the usage."""
    spoken = between.join(frame(document) for document in said(text))
    ending = frame(chunk({}, finish=finish)) + frame(counted(USAGE if usage is None else usage))
    return before + frame(chunk({"role": "assistant", "content": ""})) + spoken + ending + after + done


def each(text: str, make: Callable[[str], JsonObject], *, finish: JsonValue = "stop") -> bytes:
    """A stream whose pieces are documents of another make."""
    spoken = b"".join(frame(make(piece)) for piece in pieces(text))
    return spoken + frame(chunk({}, finish=finish)) + frame(counted(USAGE)) + DONE


def half(text: str) -> str:
    """The first half of a text."""
    return text[: len(text) // 2]
