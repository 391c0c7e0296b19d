r"""Where variables stand in a text: `{{ name }}`, and `\{{` for braces that are meant.

Spaces and tabs may stand inside the braces, nothing else may: no expressions, filters or attributes.
References (`{{> name@label}}`) are no variables and stay as they are. A backslash before `\{{` is an
ordinary backslash.
"""

import re

from prompt_service.rendering.bodies import Body

MAX_NAME_CHARS = 64

# On bytes, since limits count bytes, and UTF-8 never has an ASCII byte inside another character. Possessive
# quantifiers, and runs that cannot hold the start of another match: the work is linear in the text.
PLACEHOLDER = re.compile(rb"\\\{\{|\{\{[ \t]*+([A-Za-z_][A-Za-z0-9_]*+)[ \t]*+\}\}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def names_in(text: str) -> tuple[str, ...]:
    """The variables of the text in the order of their first use, each once."""
    found = (match[1] for match in PLACEHOLDER.finditer(text.encode()))
    return tuple(name.decode("ascii") for name in dict.fromkeys(found) if name is not None)


def names_in_body(body: Body) -> tuple[str, ...]:
    """Likewise of a text, or of all messages together."""
    if isinstance(body, str):
        return names_in(body)
    return tuple(dict.fromkeys(name for message in body for name in names_in(message.content)))
