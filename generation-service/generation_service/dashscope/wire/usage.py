"""How many tokens a provider says a call took, in whichever words; what cannot be true is not heard."""

from collections.abc import Iterator
from dataclasses import dataclass

from servicekit.json_types import JsonObject, JsonValue

_MOST_TOKENS = 100_000_000
"""More than any model reads or writes in one call; beyond it a count is a mistake, and would burst the ledger."""

_MOST_DIGITS = 9
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens")
_DETAILS = ("prompt_tokens_details", "input_tokens_details")


@dataclass(slots=True)
class ReportedUsage:
    """Tokens as the provider counts them; None where it said nothing that can be true.

    Reports may come in parts, and more than once: each usable figure replaces the one before.

    Attributes:
        heard_pieces: how much had been spoken when the output was last counted.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    heard_pieces: int = 0

    @property
    def is_empty(self) -> bool:
        """True when nothing but zeros has been reported."""
        return not self.input_tokens and not self.output_tokens

    def take(self, usage: JsonObject, *, heard_pieces: int) -> None:
        """Read one report that came when so many pieces had been spoken."""
        # A call always reads something and text costs tokens: such a zero is a blank, not a count.
        input_tokens = _first(usage, _INPUT) or None
        output_tokens = _first(usage, _OUTPUT)
        if input_tokens is not None:
            self.input_tokens = input_tokens
        if output_tokens or (output_tokens == 0 and not heard_pieces):
            self.output_tokens = output_tokens
            self.heard_pieces = heard_pieces
        cached = _first(usage, _CACHED)
        for name in _DETAILS:
            details = usage.get(name)
            if cached is None and isinstance(details, dict):
                cached = _first(details, _CACHED)
        if cached is not None:
            self.cached_tokens = cached


def usage_reports(document: JsonObject) -> Iterator[JsonObject]:
    """The reports in a frame: beside the choices, in the first of them (Moonshot), or in a vendor's own corner."""
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (first, document.get("x_groq"), document):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            yield usage


def _first(usage: JsonObject, names: tuple[str, ...]) -> int | None:
    counts = [_count(usage.get(name)) for name in names]
    known = [count for count in counts if count is not None]
    return max(known) if known else None


def _count(value: JsonValue) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None
