"""Oddities of errors inside a reply of status 200, or of bodies beside another status."""

from collections.abc import Mapping

import orjson

from vendor_fakes.dashscope.json_types import JsonValue
from vendor_fakes.dashscope.oddities.frames import Oddity, frame, half, said, stream


def _midway(name: str, seen: str, error: "JsonValue | bytes", end: str = "model_unavailable") -> Oddity:
    raw = error if isinstance(error, bytes) else frame(error)
    body = lambda text: b"".join(map(frame, said(half(text)))) + raw  # noqa: E731 - bound to this error
    return Oddity(f"error {name}", seen, body, end, None, half)


def _status(
    name: str, status: int, body: "JsonValue | bytes", end: str, headers: Mapping[str, str] | None = None
) -> Oddity:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Oddity(name, "gateways", lambda _: raw, end, None, lambda _: "", status=status, headers=headers or {})


TROUBLES = (
    _midway("as an object", "req_llm pull 661", {"error": {"message": "quota"}}),
    _midway("as a string", "Ollama, req_llm pull 661", {"error": "model runner has stopped"}),
    _midway("with a number for a code", "OpenRouter, agent-os pull 2608", {"error": {"code": 502, "message": "bad"}}),
    _midway("429 as a number", "OpenRouter", {"error": {"code": 429, "message": "slow"}}, "model_rate_limited"),
    _midway(
        "429 as a word", "ModelScope issue 1691", {"error": {"http_code": "429", "message": "no"}}, "model_rate_limited"
    ),
    _midway(
        "with a type only",
        "litellm-rs pull 185",
        {"error": {"type": "rate_limit_error", "message": "slow"}},
        "model_rate_limited",
    ),
    _midway(
        "in a choice",
        "OpenRouter",
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502}}]},
    ),
    _midway("beside empty choices", "gateways", {"choices": [], "error": {"message": "x"}}),
    _midway("with type: error", "ogx pull 5224", {"type": "error", "code": "400", "message": "x"}, "model_bad_request"),
    _midway(
        "with object: error",
        "vLLM",
        {"object": "error", "message": "x", "type": "BadRequestError", "code": 400},
        "model_bad_request",
    ),
    _midway("as detail", "FastAPI servers", {"detail": "Internal error"}),
    _midway("as errors", "Cloudflare", {"success": False, "errors": [{"code": 7009, "message": "x"}]}),
    _midway("as base_resp", "MiniMax", {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
    _midway("as error_code", "Baidu", {"error_code": 336100, "error_msg": "try again"}),
    _midway("in a list", "Gemini", [{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}]),
    _midway(
        "as a field named error", "llama.cpp pull 16109", b'error: {"code":500,"message":"x","type":"server_error"}\n\n'
    ),
    _midway("as event: error", "DashScope", b"event:error\n:HTTP_STATUS/500\ndata:{}\n\n"),
    _midway("without a frame", "gateways", b'{"error":{"message":"x","code":500}}\n\n'),
    _midway(
        "with a lone surrogate and NUL",
        "fuzzing",
        b'data: {"error":{"code":400,"message":"\\ud83d\\u0000"}}\n\n',
        "model_bad_request",
    ),
    _midway(
        "about the length of the context",
        "vercel/ai issue 13506",
        {"error": {"message": "x", "code": "CONTEXT_LENGTH_EXCEEDED"}},
        "model_bad_request",
    ),
    _midway(
        "about the content", "Azure", {"error": {"code": "content_filter", "message": "x"}}, "model_rejected_input"
    ),
    Oddity("error after the end", "gateways", lambda t: stream(t, after=frame({"error": {"message": "late"}}))),
    _status("401 with a page", 401, b"<html>no</html>", "model_auth_failed"),
    _status("402 from a gateway", 402, {"error": {"message": "Insufficient Balance"}}, "model_unavailable"),
    _status("400 in a list", 400, [{"error": {"code": 400, "message": "x"}}], "model_bad_request"),
    _status("404 with detail", 404, {"detail": "Not Found"}, "model_not_found"),
    _status("422 with a list of details", 422, {"detail": [{"loc": ["body"], "msg": "x"}]}, "model_bad_request"),
    _status("503 that is no UTF-8", 503, b"\xff\xfe", "model_unavailable"),
    _status("302", 302, b"", "model_protocol_error", {"location": "http://127.0.0.1:1/"}),
    _status("204", 204, b"", "model_protocol_error"),
    _status("compressed garbage", 200, b"\x1f\x8bgarbage", "model_stream_cut", {"content-encoding": "gzip"}),
)
