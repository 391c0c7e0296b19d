"""The text in one choice: a delta or a whole message, a string or a list of parts, said or only thought."""

from collections.abc import Iterator
from dataclasses import dataclass

from servicekit.json_types import JsonObject, JsonValue

_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_SHORTEST_REPEAT_CHARS = 16


class UnreadableText(ValueError):
    """Something stands where text belongs, in a form that nobody knows: dropping it would lose words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of an answer, in the order in which it came; `is_thought` when it is not part of it."""

    text: str
    is_thought: bool


def holder_of(choice: JsonObject) -> JsonObject:
    """What holds the text of a choice: `delta`, else `message`, else the choice itself (an older wire).

    Raises:
        UnreadableText: it is neither an object nor blank.
    """
    for name in ("delta", "message"):
        holder = choice.get(name)
        if isinstance(holder, dict) and holder:
            return holder
        if holder:
            raise UnreadableText
    text = choice.get("text")
    return {"content": text} if isinstance(text, str) else {}


def pieces_of(holder: JsonObject) -> Iterator[Piece]:
    """The pieces of a delta or message. Raises UnreadableText."""
    for name in _THOUGHTS:
        thought = "".join(piece.text for piece in _pieces(holder.get(name), is_thought=True))
        if thought:
            yield Piece(thought, is_thought=True)
            break  # servers that change over from one name to the other send both
    yield from _pieces(holder.get("content"), is_thought=False)


def is_index_of_first(choice: JsonObject) -> bool:
    """True for the one answer that we ask for; its number may be left out."""
    return choice.get("index") in (None, 0, "0")


def unsaid(text: str, said: str, *, is_whole: bool) -> str:
    """What a message adds to what was said: some servers repeat the whole answer in each frame, or at its end.

    Args:
        text: of the message.
        said: all text before.
        is_whole: True when deltas came before, so that a message can only be the whole.
    """
    is_repeat = text.startswith(said) and (is_whole or len(said) >= _SHORTEST_REPEAT_CHARS)
    return text[len(said) :] if said and is_repeat else text


def _pieces(value: JsonValue, *, is_thought: bool) -> Iterator[Piece]:
    if value is None or value is False:
        return
    if isinstance(value, str):
        if value:
            yield Piece(value, is_thought)
    elif isinstance(value, list):
        for part in value:
            yield from _part(part, is_thought=is_thought)
    elif isinstance(value, dict):
        yield from _part(value, is_thought=is_thought)
    else:
        raise UnreadableText


def _part(part: JsonValue, *, is_thought: bool) -> Iterator[Piece]:
    if not isinstance(part, dict):
        yield from _flat(part, is_thought=is_thought)
        return
    inner = part.get("thinking", part.get("reasoning"))
    if inner is not None:  # Mistral: a part of its own for what is thought, with parts inside
        for piece in inner if isinstance(inner, list) else (inner,):
            text = piece.get("text") if isinstance(piece, dict) else piece
            yield from _flat(text, is_thought=True)
        return
    is_thought = is_thought or str(part.get("type")).startswith(("thinking", "reasoning"))
    yield from _flat(part.get("text", part.get("content")), is_thought=is_thought)


def _flat(text: JsonValue, *, is_thought: bool) -> Iterator[Piece]:
    """One level only: nesting without end is no text."""
    if isinstance(text, str):
        if text:
            yield Piece(text, is_thought)
    elif text is not None:
        raise UnreadableText
