"""What every text that a person fills in must hold to. Lengths count Unicode code points after NFC."""

import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from servicekit.errors import InvalidArgument, Violation
from servicekit.normal_form import nfc


def refuse(violations: Sequence[Violation]) -> None:
    """Raise when anything is wrong.

    Raises:
        InvalidArgument: with all of `violations`.
    """
    if violations:
        first = violations[0]
        raise InvalidArgument(f"{first.pointer.split('/')[1]} {first.message}.", violations=violations)


def clean_name(name: str) -> str:
    """A name as it is kept: NFC, without blanks around it."""
    return nfc(name).strip()


def check_name(name: str, *, pointer: str, max_chars: int) -> list[Violation]:
    """What is wrong with a clean name: its length, or characters that control."""
    if not 1 <= len(name) <= max_chars:
        return [Violation(pointer, f"must have 1 to {max_chars} characters")]
    if has_unseen(name, categories={"Cc"}):  # "Cf" joins emoji and the letters of some scripts
        return [Violation(pointer, "must not contain control characters")]
    return []


def has_unseen(text: str, *, categories: AbstractSet[str] = frozenset({"Cc", "Cf"})) -> bool:
    """True when a character controls or formats and cannot be seen itself, by which two texts would look the same."""
    return any(unicodedata.category(character) in categories for character in text)
