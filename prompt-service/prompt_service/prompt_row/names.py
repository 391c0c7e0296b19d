"""The grammar of prompt names: `/` makes folders; and the one label that is the row's own."""

import re
from collections.abc import Iterator

LATEST = "latest"
"""The label that every prompt with a version has: its newest one. It is computed, nobody sets it."""
MAX_NAME_CHARS = 128
MAX_DEPTH = 10

_SEGMENT = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-]))*")


def problem_of_name(name: str) -> str:
    """The sentence that says what is wrong with a name, or nothing."""
    if not name:
        return "Give the prompt a name."
    if len(name) > MAX_NAME_CHARS:
        return f"Use at most {MAX_NAME_CHARS} characters; this has {len(name)}."
    segments = name.split("/")
    if len(segments) > MAX_DEPTH:
        return f"Use at most {MAX_DEPTH} segments; this has {len(segments)}."
    for segment in segments:
        if not segment:
            return "Join the segments with single slashes, without one at the start or end."
        if not _SEGMENT.fullmatch(segment):
            return (
                "Begin each segment with a-z or 0-9 and go on with a-z, 0-9, `_` and `-`; "
                "dots may stand inside, not doubled and not at the end."
            )
    return ""


def folders_of(name: str) -> Iterator[str]:
    """The folders a prompt is in, outermost first: `a` and `a/b` for `a/b/c`."""
    position = name.find("/")
    while position != -1:
        yield name[:position]
        position = name.find("/", position + 1)
