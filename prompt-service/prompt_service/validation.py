"""What every text from outside must hold to. Lengths count Unicode code points after NFC."""

from collections.abc import Sequence

from servicekit.errors import InvalidArgument, Violation
from servicekit.normal_form import nfc

MAX_COMMENT_CHARS = 4000
"""Commit messages, reasons and descriptions."""
MAX_TITLE_CHARS = 200


def raise_for_violations(violations: Sequence[Violation]) -> None:
    """Raise when there is anything to complain about.

    Raises:
        InvalidArgument: with all the violations, so that they can be put right in one go.
    """
    if violations:
        first = violations[0]
        raise InvalidArgument(f"{first.pointer or 'The request'}: {first.message}", violations=violations)


def check_text(text: str, pointer: str, violations: list[Violation], *, max_chars: int) -> str:
    """The text in NFC; what is wrong with it is added to `violations`."""
    problem = problem_of_text(text)
    if problem:
        violations.append(Violation(pointer, problem))
        return text
    text = nfc(text)
    if len(text) > max_chars:
        violations.append(Violation(pointer, f"Use at most {max_chars} characters; this has {len(text)}."))
    return text


def problem_of_text(text: str) -> str:
    """The sentence about characters that no text may hold, or nothing.

    NUL ends a text in many programs that a prompt goes through; a lone surrogate is no character, so it has
    no UTF-8.
    """
    if "\0" in text:
        return "Remove the NUL character (U+0000)."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "Remove the lone surrogate: half of a UTF-16 pair is no character."
    return ""
