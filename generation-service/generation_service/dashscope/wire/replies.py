"""What a reply says, frame by frame: text, reasoning, usage, the finish reason, or an error in its midst."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.calls import ReasoningDelta, TextDelta
from generation_service.dashscope.failures import (
    AttemptFailed,
    protocol_error,
    stream_cut,
    vendor_failure,
)
from generation_service.dashscope.vendor_codes import VendorReport
from generation_service.dashscope.wire.sse import SseEvent

_DONE = "[DONE]"
_MAX_FINISHES = 2


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Tokens as the provider counts them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int


@dataclass(slots=True)
class Reply:
    """The state of one reply. Success is a finish reason that was seen, and nothing else."""

    model: str
    finish_reason: str | None = None
    usage: ReportedUsage | None = None
    is_done: bool = False
    spoken: list[str] = field(default_factory=list)
    has_reasoning: bool = False
    _finishes: int = 0

    @property
    def is_broken(self) -> bool:
        """True when a failure that comes now must be reported: unfinished, or finished too often."""
        return self.finish_reason is None or self._finishes > _MAX_FINISHES

    def take(self, frame: SseEvent) -> Iterator[TextDelta | ReasoningDelta]:
        """The deltas of one frame. Raises AttemptFailed for an error, or what cannot be understood."""
        if frame.data.strip() == _DONE:
            self.is_done = True
            return
        document = self._document(frame)
        if document is None or self._is_ignored_error(document, frame):
            return
        self._take_usage(document.get("usage"))
        choices = document.get("choices")
        if choices is None and document.get("usage") is None:
            raise protocol_error("a frame without choices", model=self.model)
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                raise protocol_error("a choice that is no object", model=self.model)
            if choice.get("index", 0) == 0:
                yield from self._take_choice(choice)

    def check_end(self) -> str:
        """The finish reason. Raises AttemptFailed when the reply ended without one."""
        if self.finish_reason is None:
            raise stream_cut(model=self.model)
        return self.finish_reason

    def _document(self, frame: SseEvent) -> JsonObject | None:
        try:
            document: JsonValue = orjson.loads(frame.data) if frame.data else {}
        except orjson.JSONDecodeError:
            if not frame.is_complete:
                return None
            raise protocol_error("a frame that is no JSON", model=self.model) from None
        if not isinstance(document, dict):
            raise protocol_error("a frame that is no object", model=self.model)
        return document

    def _is_ignored_error(self, document: JsonObject, frame: SseEvent) -> bool:
        report = error_report(document, status=frame.http_status, is_error_frame=frame.event == "error")
        if report is None:
            return not document
        if self.finish_reason is not None:
            return True  # the answer was complete before; what follows cannot take it back
        raise vendor_failure(report, model=self.model)

    def _take_usage(self, usage: JsonValue) -> None:
        if not isinstance(usage, dict):
            return
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else 0
        self.usage = ReportedUsage(
            _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), _count(cached)
        )

    def _take_choice(self, choice: JsonObject) -> Iterator[TextDelta | ReasoningDelta]:
        delta = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, dict):
            raise protocol_error("a delta that is no object", model=self.model)
        if self.finish_reason is None:
            yield from self._deltas(delta)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason and reason != "null":
            self._finishes += 1
            if self._finishes > _MAX_FINISHES:
                raise protocol_error("more than two ends", model=self.model)
            self.finish_reason = self.finish_reason or reason

    def _deltas(self, delta: JsonObject) -> Iterator[TextDelta | ReasoningDelta]:
        reasoning, content = delta.get("reasoning_content"), delta.get("content")
        for text in (reasoning, content):
            if text is not None and not isinstance(text, str):
                raise protocol_error("a delta that is no text", model=self.model)
        if isinstance(reasoning, str) and reasoning:
            self.has_reasoning = True
            self.spoken.append(reasoning)
            yield ReasoningDelta(reasoning)
        if isinstance(content, str) and content:
            self.spoken.append(content)
            yield TextDelta(content)


def error_report(
    document: JsonObject,
    *,
    status: int | None,
    is_error_frame: bool = False,
    retry_after_seconds: float | None = None,
    upstream_request_id: str | None = None,
) -> VendorReport | None:
    """The error in a document of either wire (`{"error": {…}}` or `{"code", "message"}`), if there is one."""
    error = document.get("error")
    native = "code" in document and "choices" not in document
    is_failing_status = status is not None and status >= 400
    if not (isinstance(error, dict) or native or is_error_frame or is_failing_status):
        return None
    words = error if isinstance(error, dict) else document
    request_id = document.get("request_id")
    return VendorReport(
        status=status,
        code=_word(words.get("code")),
        type=_word(words.get("type")),
        message=_word(words.get("message")),
        retry_after_seconds=retry_after_seconds,
        upstream_request_id=upstream_request_id or (request_id if isinstance(request_id, str) else None),
    )


def refusal(
    raw: bytes, *, status: int, retry_after_seconds: float | None, request_id: str | None, model: str
) -> AttemptFailed:
    """The failure for a reply whose status is not 200; its body may be anything."""
    try:
        parsed: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError:
        parsed = {}
    document: JsonObject = parsed if isinstance(parsed, dict) else {}
    report = error_report(
        document,
        status=status,
        is_error_frame=True,
        retry_after_seconds=retry_after_seconds,
        upstream_request_id=request_id,
    )
    if status < 400 or report is None:
        return protocol_error(f"status {status}", model=model)
    return vendor_failure(report, model=model)


def _word(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _count(value: JsonValue) -> int:
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0
