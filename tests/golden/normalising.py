"""What must not decide whether a case is the same: ids, times, secrets, cursors, what a canary weighs."""

import re
from typing import Any

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_REPLACED = (
    # As the API writes moments; those of the inputs have no fraction of a second.
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "<time>"),
    (re.compile(r"\bey[\w-]+\.[\w-]+\.[\w-]+"), "<access token>"),
    (re.compile(r"\bpsr_[\w-]+"), "<refresh token>"),
    (re.compile(r"\bpsk_[\w-]+"), "<key>"),
    (re.compile(r"\bexpires=\w{3}, [\w :]+ GMT"), "expires=<time>"),
    (re.compile(r"\bMax-Age=\d+"), "Max-Age=<seconds>"),
    # The canary in our instructions to a model.
    (re.compile(r"\bps-[0-9a-f]{16}\b"), "<canary>"),
)
_HIDDEN_FIELDS: dict[str, tuple[type, str]] = {
    "next_cursor": (str, "<cursor>"),
    # The canary is random, and so is the number of tokens that it has.
    "input_tokens": (int, "<tokens>"),
    "cost": (str, "<cost>"),
}
_SHOWN = (0, "0")


def normalised(document: Any) -> Any:
    """The document with `<id-N>` for each id, in order of appearance, and names for what else differs."""
    return _Names().of(document)


class _Names:
    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(key): self._field(key, entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self.of(entry) for entry in value]
        return self._text(value) if isinstance(value, str) else value

    def _field(self, name: str, value: Any) -> Any:
        kind, shown = _HIDDEN_FIELDS.get(name, (type(None), ""))
        return shown if isinstance(value, kind) and value is not None and value not in _SHOWN else self.of(value)

    def _text(self, text: str) -> str:
        for pattern, name in _REPLACED:
            text = pattern.sub(name, text)
        return _UUID.sub(lambda match: self._ids.setdefault(match[0], f"<id-{len(self._ids) + 1}>"), text)
