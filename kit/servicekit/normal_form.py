"""NFC in linear time, for text that anybody may send."""

import unicodedata

MOST_MARKS = 64
"""Combining marks in a row that any language needs, generously (UAX #15 says 30)."""

# Not marks themselves by `unicodedata.combining`, but made of nothing else.
_MADE_OF_MARKS = frozenset("\u0f73\u0f75\u0f81")


def nfc(text: str) -> str:
    """The text in NFC, but for runs of more than 64 combining marks, which stay as they are.

    CPython sorts such a run in quadratic time, without letting other threads run: 128 KiB of them stand for seconds,
    a request of 1 MiB for minutes.
    """
    if text.isascii():
        return text
    pieces: list[str] = []
    kept = run_start = 0
    for index, character in enumerate(f"{text}."):  # the full stop ends the last run
        if unicodedata.combining(character) or character in _MADE_OF_MARKS:
            continue
        if index - run_start > MOST_MARKS:
            pieces += (unicodedata.normalize("NFC", text[kept:run_start]), text[run_start:index])
            kept = index
        run_start = index + 1
    pieces.append(unicodedata.normalize("NFC", text[kept:]))
    return "".join(pieces)
