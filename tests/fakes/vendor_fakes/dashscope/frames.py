"""A reply as the list of what goes over the wire, with the scripted fault built in."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import orjson

from vendor_fakes.dashscope.completion import Completion
from vendor_fakes.dashscope.errors import VENDOR_ERRORS
from vendor_fakes.dashscope.faults import Fault, FaultKind
from vendor_fakes.dashscope.journal import RequestRecord
from vendor_fakes.dashscope.json_types import JsonObject
from vendor_fakes.dashscope.tokens import count_text

_CREATED = 1_793_000_000
_PIECE_BYTES = 65_536


class Action(Enum):
    """What ends a body before its time."""

    HANG = auto()
    WARM_HANG = auto()
    CUT = auto()
    RESET = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the body; `tokens` is what the vendor bills for the text in them."""

    data: bytes
    tokens: int = 0
    is_usage: bool = False


Step = Piece | Action

_MID_STREAM = {
    FaultKind.HANG_MID_STREAM: Action.HANG,
    FaultKind.WARM_HANG: Action.WARM_HANG,
    FaultKind.CUT: Action.CUT,
    FaultKind.CLEAN_END: Action.END,
    FaultKind.RESET: Action.RESET,
}


def steps_of(completion: Completion, fault: Fault, record: RequestRecord) -> list[Step]:
    """The whole reply to one request, streamed or not, with its fault in it."""
    request_id, model = record.request_id, record.model
    if fault.kind is FaultKind.HTML:
        return [Piece(b"<html>\n<body>502 Bad Gateway</body>\n</html>\n")]
    if fault.kind is FaultKind.ERROR_IN_BODY:
        return [Piece(orjson.dumps(VENDOR_ERRORS[fault.error or "rate_quota"].body(request_id)))]
    is_sse = record.is_stream
    if fault.kind is FaultKind.JSON_LABELLED_SSE:
        is_sse = False
    if fault.kind is FaultKind.SSE_LABELLED_JSON:
        is_sse = True
    if not is_sse:
        return _whole_steps(request_id, model, completion, fault)
    options = record.body.get("stream_options")
    wants_usage = not record.is_stream or (isinstance(options, dict) and options.get("include_usage") is True)
    return _stream_steps(request_id, model, completion, fault, include_usage=wants_usage)


def _whole(request_id: str, model: str, completion: Completion) -> JsonObject:
    """The document of a call that does not stream."""
    message: JsonObject = {"role": "assistant", "content": completion.text}
    if completion.reasoning:
        message["reasoning_content"] = completion.reasoning
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": completion.finish_reason, "logprobs": None}],
        "usage": completion.usage,
        "system_fingerprint": None,
    }


def _whole_steps(request_id: str, model: str, completion: Completion, fault: Fault) -> list[Step]:
    """The steps of a call that does not stream; faults in mid-stream strike in the middle of the document."""
    document = _whole(request_id, model, completion)
    if fault.kind is FaultKind.USAGE_MISSING:
        document.pop("usage")
    if fault.kind is FaultKind.NO_FINISH_REASON:
        document["choices"] = [
            {"index": 0, "message": {"role": "assistant", "content": completion.text}, "finish_reason": None}
        ]
    if fault.kind is FaultKind.MALFORMED_SSE:
        return [Piece(b'{"choices": [oops', tokens=completion.completion_tokens)]
    body = orjson.dumps(document)
    if fault.kind is FaultKind.BAD_UTF8:
        return [Piece(body.replace(b'"assistant"', b'"\xff\xfe"'), tokens=completion.completion_tokens)]
    if fault.kind is FaultKind.LONG_LINE:
        return [*_padding(b'{"padding": "', fault.size_bytes, b'"}')]
    if fault.kind in _MID_STREAM and fault.at_byte is None:
        half = len(body) // 2
        return [
            Piece(body[:half], tokens=completion.completion_tokens),
            _MID_STREAM[fault.kind],
            Piece(body[half:]),
        ]
    return [Piece(body, tokens=completion.completion_tokens, is_usage=fault.kind is not FaultKind.USAGE_MISSING)]


def _stream_steps(
    request_id: str, model: str, completion: Completion, fault: Fault, *, include_usage: bool
) -> list[Step]:
    """The steps of a streamed call, up to and including `[DONE]`."""
    spoken = [*_spoken(request_id, model, completion)]
    ending = [*_ending(request_id, model, completion, fault, include_usage=include_usage)]
    steps: list[Step] = [*spoken, *ending, Piece(b"data: [DONE]\n\n")]
    if fault.at_byte is not None:
        return steps
    at = 1 + fault.after_chunks + (1 if completion.reasoning else 0)
    return [*steps[:at], *_inserted(request_id, fault), *steps[at:]]


def _inserted(request_id: str, fault: Fault) -> list[Step]:
    if fault.kind in _MID_STREAM:
        return [_MID_STREAM[fault.kind]]
    if fault.kind is FaultKind.MALFORMED_SSE:
        return [Piece(b'data: {"id": "chatcmpl", "choices": [oops\n\n')]
    if fault.kind is FaultKind.BAD_UTF8:
        return [Piece(b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n')]
    if fault.kind is FaultKind.LONG_LINE:
        return [*_padding(b'data: {"padding": "', fault.size_bytes, b'"}\n\n')]
    if fault.kind is FaultKind.ERROR_IN_STREAM:
        error = VENDOR_ERRORS[fault.error or "rate_quota"]
        document = {"code": error.code, "message": error.message, "request_id": request_id}
        frame = f"id:1\nevent:error\n:HTTP_STATUS/{error.status}\ndata:".encode() + orjson.dumps(document) + b"\n\n"
        return [Piece(frame)] if fault.then_content else [Piece(frame), Action.END]
    return []


def _padding(head: bytes, size_bytes: int, tail: bytes) -> Iterator[Piece]:
    yield Piece(head)
    filling = Piece(b"x" * _PIECE_BYTES)
    for _ in range(size_bytes // _PIECE_BYTES):
        yield filling
    yield Piece(tail)


def _spoken(request_id: str, model: str, completion: Completion) -> Iterator[Piece]:
    yield Piece(_chunk(request_id, model, {"role": "assistant", "content": ""}))
    if completion.reasoning:
        delta: JsonObject = {"content": None, "reasoning_content": completion.reasoning}
        yield Piece(_chunk(request_id, model, delta), tokens=count_text(completion.reasoning))
    said, counted = "", 0
    for text in completion.chunks:
        said += text
        tokens = count_text(said) - counted  # a word may be split between two chunks
        counted += tokens
        yield Piece(_chunk(request_id, model, {"content": text}), tokens=tokens)


def _ending(
    request_id: str, model: str, completion: Completion, fault: Fault, *, include_usage: bool
) -> Iterator[Piece]:
    finishes = {FaultKind.NO_FINISH_REASON: 0, FaultKind.FINISH_TWICE: 2, FaultKind.FINISH_THRICE: 3}
    for _ in range(finishes.get(fault.kind, 1)):
        yield Piece(_chunk(request_id, model, {"content": ""}, finish_reason=completion.finish_reason))
    usages = {FaultKind.USAGE_MISSING: 0, FaultKind.USAGE_TWICE: 2}
    for _ in range(usages.get(fault.kind, 1) if include_usage else 0):
        document = {"id": f"chatcmpl-{request_id}", "object": "chat.completion.chunk", "created": _CREATED}
        body = {**document, "model": model, "choices": [], "usage": completion.usage}
        yield Piece(b"data: " + orjson.dumps(body) + b"\n\n", is_usage=True)


def _chunk(request_id: str, model: str, delta: JsonObject, *, finish_reason: str | None = None) -> bytes:
    document: JsonObject = {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}],
        "usage": None,
    }
    return b"data: " + orjson.dumps(document) + b"\n\n"
