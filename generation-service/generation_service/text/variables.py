r"""Variables and references inside a prompt: `{{ name }}`, `{{> name@label}}`, and `\{{` for literal braces.

A name is `[A-Za-z_][A-Za-z0-9_]*`, spaces and tabs may stand inside the
braces, nothing else may. There are no expressions, filters or nested braces. One regular expression reads the
text from left to right; no alternative can look past the next brace or line end, so the work is linear in the
length of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_PLACEHOLDER = re.compile(
    r"(?P<escaped>\\\{\{)"
    r"|\{\{[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}"
    r"|\{\{>(?P<reference>[^{}\n]*)\}\}"
    r"|\{(?=\{\{)"  # `{{{ name }}}` is a brace, a variable and a brace, as it is for the renderer
    r"|(?P<malformed>\{\{[^{}\n]*(?:\}\}?|$)?)",
    re.MULTILINE,
)
_SEGMENT = r"[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-]))*+"
_REFERENCE = re.compile(
    rf"\A[ \t]*(?P<name>{_SEGMENT}(?:/{_SEGMENT}){{0,9}})@(?:v(?P<version>[0-9]{{1,9}})"
    rf"|(?P<label>[a-z][a-z0-9_.-]{{0,35}}))[ \t]*"
)
_VERSION_LIKE = re.compile(r"v[0-9]+")


class PlaceholderKind(StrEnum):
    """What a pair of opening braces turned out to be."""

    VARIABLE = "variable"
    REFERENCE = "reference"
    BAD_REFERENCE = "bad_reference"
    MALFORMED = "malformed"
    ESCAPED = "escaped"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder with its place in code points; `name` is the variable, the `name@label` or the raw
    text.
    """

    kind: PlaceholderKind
    name: str
    start: int
    end: int


def placeholders(content: str) -> Iterator[Placeholder]:
    """Every placeholder of the text from left to right, right or wrong, in one pass."""
    for match in _PLACEHOLDER.finditer(content):
        start, end = match.span()
        if match["escaped"] is not None:
            yield Placeholder(PlaceholderKind.ESCAPED, "", start, end)
        elif match["name"] is not None:
            yield Placeholder(PlaceholderKind.VARIABLE, match["name"], start, end)
        elif match["reference"] is not None:
            target = reference_target(match["reference"])
            kind = PlaceholderKind.REFERENCE if target else PlaceholderKind.BAD_REFERENCE
            yield Placeholder(kind, target or match[0], start, end)
        elif match["malformed"] is not None:
            yield Placeholder(PlaceholderKind.MALFORMED, match[0], start, end)


def reference_target(text: str) -> str | None:
    """`name@label` or `name@v3` in its canonical spelling, or None when the text between `{{>` and `}}` is
    neither.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["name"]) > 128:
        return None
    if match["version"] is not None:
        number = int(match["version"])
        return f"{match['name']}@v{number}" if number else None
    return None if _VERSION_LIKE.fullmatch(match["label"]) else f"{match['name']}@{match['label']}"


def extract(content: str) -> tuple[str, ...]:
    """The names of the variables in the order of their first use, each once."""
    found = (each.name for each in placeholders(content) if each.kind is PlaceholderKind.VARIABLE)
    return tuple(dict.fromkeys(found))
