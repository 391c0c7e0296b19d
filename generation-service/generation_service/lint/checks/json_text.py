"""Reading what looks like JSON inside a prompt, where values may be slots ("<一句话>", `{{ name }}`, …) and
no JSON at all.
"""

import re

_TOKEN = re.compile(r'"(?P<string>(?:[^"\\\n]|\\.){0,200})"|(?P<open>[{\[])|(?P<close>[}\]])')
_COLON = re.compile(r"\s{0,20}:")
_MOST_CHARS = 20_000


def top_level_keys(text: str, start: int, end: int) -> tuple[str, ...]:
    """The keys of the JSON object that begins at `start`, or of the objects in the list that does, each
    once.
    """
    wanted = 1 if text.startswith("{", start) else 2
    keys: dict[str, None] = {}
    depth = 0
    for match in _TOKEN.finditer(text, start, min(end, start + _MOST_CHARS)):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
            if depth <= 0:
                break
        elif depth == wanted and _COLON.match(text, match.end()):
            keys[match["string"]] = None
    return tuple(keys)


def object_end(text: str, start: int, end: int) -> int:
    """Where the object or list that begins at `start` ends; `end`, or the bound of our look-ahead, when it
    never does.
    """
    depth = 0
    limit = min(end, start + _MOST_CHARS)
    for match in _TOKEN.finditer(text, start, limit):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
            if depth <= 0:
                return match.end()
    return limit
