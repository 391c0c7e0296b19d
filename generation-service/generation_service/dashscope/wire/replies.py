"""What a reply says, frame by frame: text, reasoning, usage, the finish reason, or an error in its midst."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.calls import ReasoningDelta, TextDelta
from generation_service.dashscope.failures import content_refused, protocol_error, stream_cut, vendor_failure
from generation_service.dashscope.wire.choices import (
    Piece,
    UnreadableText,
    holder_of,
    is_index_of_first,
    pieces_of,
    unsaid,
)
from generation_service.dashscope.wire.errors import error_report
from generation_service.dashscope.wire.finishes import checked_finish, finish_word, is_good_end
from generation_service.dashscope.wire.json_text import SurrogateMender, read_json
from generation_service.dashscope.wire.sse import SseEvent
from generation_service.dashscope.wire.usage import ReportedUsage, usage_reports

_DONE = frozenset({"[done]", '"[done]"', "done"})
_PINGS = frozenset({"ping", "pong", "heartbeat", "keep-alive", "keepalive", "connected"})
_MAX_FINISHES = 2


@dataclass(slots=True)
class Reply:
    """The state of one reply. Success is a good finish reason that was seen, and nothing else.

    Attributes:
        finish_reason: the provider's word in lower case, whatever it means.
        spoken: every piece of text and of reasoning.
        text_pieces: how many of them are text.
        is_resumed: text came after a finish reason, as from servers that put one into every frame; which of them
            is the last is known only from `[DONE]`.
    """

    model: str
    finish_reason: str | None = None
    usage: ReportedUsage = field(default_factory=ReportedUsage)
    is_done: bool = False
    is_resumed: bool = False
    spoken: list[str] = field(default_factory=list)
    text_pieces: int = 0
    has_reasoning: bool = False
    _said: list[str] = field(default_factory=list)
    _has_deltas: bool = False
    _has_refusal: bool = False
    _finishes: int = 0
    _text: SurrogateMender = field(default_factory=SurrogateMender)
    _thought: SurrogateMender = field(default_factory=SurrogateMender)

    @property
    def is_complete(self) -> bool:
        """True when nothing that comes now can change the end."""
        return self.finish_reason is not None and (self.is_done or not self.is_resumed)

    @property
    def is_broken(self) -> bool:
        """True when a failure that comes now must be reported: unfinished, or finished too often."""
        return not self.is_complete or self._finishes > _MAX_FINISHES

    def take(self, frame: SseEvent) -> Iterator[TextDelta | ReasoningDelta]:
        """The deltas of one frame. Raises AttemptFailed for an error, or what cannot be understood."""
        if frame.data.strip().lower() in _DONE:
            self.is_done = True
            return
        for document in self._documents(frame):
            yield from self._take_document(document, frame)

    def check_end(self) -> str:
        """`stop` or `length`. Raises AttemptFailed when the reply ended without a good finish reason."""
        if self.finish_reason is None or not self.is_complete:
            raise stream_cut(model=self.model)
        if self._has_refusal and not self._said:
            raise content_refused(model=self.model)
        return checked_finish(self.finish_reason, model=self.model)

    def _documents(self, frame: SseEvent) -> Iterator[JsonObject]:
        """The objects in a frame: one as a rule; one for each line where the blank lines between were lost."""
        try:
            values = [read_json(frame.data)] if frame.data.strip() else [{}]
        except ValueError:
            values = list(self._salvaged(frame))
        for value in values:
            for document in value if isinstance(value, list) else (value,):
                if isinstance(document, dict):
                    yield document
                elif isinstance(document, str) and document.strip():
                    raise protocol_error("a frame that is no object", model=self.model)

    def _salvaged(self, frame: SseEvent) -> Iterator[JsonValue]:
        for line in frame.data.split("\n"):
            text = line.strip()
            while text.startswith("data:"):  # a proxy that frames what is framed already
                text = text.removeprefix("data:").strip()
            if text.lower() in _DONE:
                self.is_done = True
            elif text and not text.startswith(":") and text.lower() not in _PINGS:
                try:
                    yield read_json(text)
                except ValueError:
                    if frame.is_complete:
                        raise protocol_error("a frame that is no JSON", model=self.model) from None

    def _take_document(self, document: JsonObject, frame: SseEvent) -> Iterator[TextDelta | ReasoningDelta]:
        report = error_report(document, status=frame.http_status, is_error_frame=frame.event.lower() == "error")
        if report is not None:
            if self.is_broken or not is_good_end(self.finish_reason or ""):
                raise vendor_failure(report, model=self.model, is_in_band=True)
            return  # the answer was complete before; what follows cannot take it back
        choices = document.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and is_index_of_first(choice) and not self.is_done:
                yield from self._take_choice(choice)
        for usage in usage_reports(document):
            self.usage.take(usage, heard_pieces=len(self.spoken))

    def _take_choice(self, choice: JsonObject) -> Iterator[TextDelta | ReasoningDelta]:
        try:
            holder = holder_of(choice)
            pieces = list(pieces_of(holder))
        except UnreadableText:
            raise protocol_error("a delta that is no text", model=self.model) from None
        self._has_refusal = self._has_refusal or bool(holder.get("refusal"))
        is_message = holder is choice.get("message")
        for piece in pieces:
            yield from self._say(piece, is_message=is_message)
        self._has_deltas = self._has_deltas or bool(pieces and not is_message)
        word = finish_word(choice.get("finish_reason") or choice.get("finishReason"))
        if word is not None:
            yield from self._finish(word)

    def _say(self, piece: Piece, *, is_message: bool) -> Iterator[TextDelta | ReasoningDelta]:
        text = (self._thought if piece.is_thought else self._text).feed(piece.text)
        if is_message and not piece.is_thought and self._said:
            text = unsaid(text, "".join(self._said), is_whole=self._has_deltas)
        if not text:
            return
        self.spoken.append(text)
        if self.finish_reason is not None:
            self.is_resumed, self.finish_reason, self._finishes = True, None, 0
        if piece.is_thought:
            self.has_reasoning = True
            yield ReasoningDelta(text)
        else:
            self.text_pieces += 1
            self._said.append(text)
            yield TextDelta(text)

    def _finish(self, word: str) -> Iterator[TextDelta]:
        self._finishes += 1
        if self._finishes > _MAX_FINISHES:
            raise protocol_error("more than two ends", model=self.model)
        self.finish_reason = self.finish_reason or word
        rest = self._text.finish()
        if rest:
            self._said.append(rest)
            self.spoken.append(rest)
            self.text_pieces += 1
            yield TextDelta(rest)
