"""The description as it comes in: whether it may be read at all, and which language it is in."""

import unicodedata
from typing import cast

from servicekit.errors import InvalidArgument, Violation, invalid_field
from servicekit.normal_form import nfc

from generation_service.requirements.values import MAX_DESCRIPTION_CHARS, WantedLanguage


def check_description(description: str) -> str:
    """Return the description in NFC, ready to be parsed.

    Raises:
        InvalidArgument: when it is blank, has no letter or digit (emoji, punctuation), holds NUL or a lone
            surrogate, or is longer than 8 000 code points after NFC. The pointer is `/description`.
    """
    if "\x00" in description or any("\ud800" <= char <= "\udfff" for char in description):
        raise _refused("The description holds characters that are not text (NUL or a lone surrogate); remove them.")
    normal = nfc(description)
    if len(normal) > MAX_DESCRIPTION_CHARS:
        raise _refused(f"The description has {len(normal)} characters; at most {MAX_DESCRIPTION_CHARS} are allowed.")
    if not any(unicodedata.category(char)[0] in "LN" for char in normal):
        raise _refused("The description is empty; say in one sentence what the agent should do.")
    return normal


def checked_language(language: str, *, pointer: str) -> WantedLanguage:
    """The language, `auto` when none is named.

    Raises:
        InvalidArgument: not one of them.
    """
    if language not in {"", "auto", "zh", "en"}:
        raise invalid_field(pointer, "must be auto, zh or en")
    return cast("WantedLanguage", language or "auto")


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, violations=[Violation("/description", message)])
