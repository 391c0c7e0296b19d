"""Faults on demand: a scripted queue, and scripts by model name."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from vendor_fakes.dashscope.errors import VENDOR_ERRORS
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue


class FaultKind(StrEnum):
    """What can go wrong, or be made to differ, with one request."""

    NONE = "none"
    ERROR = "error"
    DELAY = "delay"
    HANG_BEFORE_HEADERS = "hang_before_headers"
    HANG_MID_STREAM = "hang_mid_stream"
    WARM_HANG = "warm_hang"
    SLOW = "slow"
    CUT = "cut"
    CLEAN_END = "clean_end"
    RESET = "reset"
    RESET_BEFORE_HEADERS = "reset_before_headers"
    MALFORMED_SSE = "malformed_sse"
    HTML = "html"
    BAD_UTF8 = "bad_utf8"
    LONG_LINE = "long_line"
    ERROR_IN_STREAM = "error_in_stream"
    ERROR_IN_BODY = "error_in_body"
    JSON_LABELLED_SSE = "json_labelled_sse"
    SSE_LABELLED_JSON = "sse_labelled_json"
    FINISH_TWICE = "finish_twice"
    FINISH_THRICE = "finish_thrice"
    USAGE_MISSING = "usage_missing"
    USAGE_TWICE = "usage_twice"
    NO_FINISH_REASON = "no_finish_reason"
    ANSWER = "answer"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted request.

    Args:
        kind: what happens.
        error: a name of `VENDOR_ERRORS`, for `error`, `error_in_stream` and `error_in_body`.
        seconds: for `delay` (before the headers), `slow` (between chunks) and `warm_hang` (between comments).
        after_chunks: content chunks that still go out before a fault in mid-stream.
        at_byte: byte of the body at which `cut` or `clean_end` strikes; wins over `after_chunks`.
        size_bytes: of the `long_line`.
        then_content: go on with content after the error frame.
        content: the answer in place of the fake's own, for `answer` (and any other kind).
        finish_reason: in place of `stop`.
        retry_after_seconds: sent as the `Retry-After` of an `error`.
        raw: the body of a `raw` reply, sent as it is: what other servers than DashScope say.
        status: of a `raw` reply.
        headers: further headers of a `raw` reply, such as its `content-type`.
        chunk_bytes: size of the pieces in which `raw` goes out; 0 sends it at once. `seconds` lie between them.
        action: what ends a `raw` reply in place of a proper end: `hang`, `cut` or `reset`.
    """

    kind: FaultKind
    error: str | None = None
    seconds: float = 0.0
    after_chunks: int = 2
    at_byte: int | None = None
    size_bytes: int = 10 * 1024 * 1024
    then_content: bool = False
    content: str | None = None
    finish_reason: str | None = None
    retry_after_seconds: float | None = None
    raw: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunk_bytes: int = 0
    action: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        if isinstance(self.raw, str):
            object.__setattr__(self, "raw", self.raw.encode())
        if self.action not in {None, "hang", "cut", "reset"}:
            raise ValueError("the action is hang, cut or reset")
        if self.error is not None and self.error not in VENDOR_ERRORS:
            raise ValueError(f"unknown vendor error {self.error!r}; one of {sorted(VENDOR_ERRORS)}")

    @classmethod
    def from_json(cls, value: JsonValue) -> "Fault":
        """A fault from the control API's JSON. Raises ValueError for an unknown field or kind."""
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError("a fault is an object with a kind")  # noqa: TRY004 - the control API answers 400 to it
        unknown = value.keys() - {entry.name for entry in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        return cls(**value)  # type: ignore[arg-type]  # names are checked above, values by the tests that write them


NO_FAULT = Fault(FaultKind.NONE)


@dataclass(slots=True)
class FaultPlan:
    """Which fault strikes next; the model's own script goes before the general queue."""

    queue: deque[Fault] = field(default_factory=deque)
    by_model: dict[str, deque[Fault]] = field(default_factory=dict)
    standing: dict[str, Fault] = field(default_factory=dict)

    def take(self, model: str) -> Fault:
        """The fault for one request of this model; `NO_FAULT` when nothing is scripted."""
        scripted = self.by_model.get(model)
        if scripted:
            return scripted.popleft()
        if model in self.standing:
            return self.standing[model]
        return self.queue.popleft() if self.queue else NO_FAULT

    def script(self, document: JsonObject) -> None:
        """Add `{"queue": [fault], "models": {name: [fault]}, "always": {name: fault}}`. Raises ValueError."""
        unknown = document.keys() - {"queue", "models", "always"}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        self.queue.extend(_faults(document.get("queue", [])))
        for name, entries in _object(document.get("models", {})).items():
            self.by_model.setdefault(name, deque()).extend(_faults(entries))
        for name, entry in _object(document.get("always", {})).items():
            self.standing[name] = Fault.from_json(entry)

    def clear(self) -> None:
        """Forget every script."""
        self.queue.clear()
        self.by_model.clear()
        self.standing.clear()


def _faults(value: JsonValue) -> list[Fault]:
    if not isinstance(value, list):
        raise ValueError("a script is a list of faults")  # noqa: TRY004 - the control API answers 400 to ValueError
    return [Fault.from_json(entry) for entry in value]


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise ValueError("scripts by model are an object")  # noqa: TRY004 - likewise
    return value
