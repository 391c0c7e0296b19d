"""Oddities of the text in a frame: where it stands, what it is made of, what is only thought."""

import json

import orjson

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.oddities.frames import DONE, USAGE, Oddity, chunk, counted, each, frame, pieces, stream


def _parts(text: str) -> bytes:
    return each(text, lambda piece: chunk({"content": [{"type": "text", "text": piece}]}))


def _thought_first(field: str, value: JsonValue) -> bytes:
    return frame(chunk({field: value}))


def _messages(text: str) -> bytes:
    return each(text, lambda piece: {"choices": [{"index": 0, "message": {"role": "assistant", "content": piece}}]})


def _growing(text: str) -> bytes:
    """A delta, and beside it the whole message so far; the last frame has the message alone."""
    said, raw = "", b""
    for piece in pieces(text):
        said += piece
        choice: JsonObject = {
            "index": 0,
            "delta": {"content": piece},
            "message": {"content": said},
            "finish_reason": None,
        }
        raw += frame({"choices": [choice]})
    last: JsonObject = {
        "index": 0,
        "delta": {},
        "message": {"role": "assistant", "content": said},
        "finish_reason": "stop",
    }
    return raw + frame({"choices": [last], "usage": USAGE}) + DONE


def _halves(text: str) -> bytes:
    """Each UTF-16 unit in a frame of its own."""
    units = text.encode("utf-16-le")
    raw = b""
    for at in range(0, len(units), 2):
        unit = units[at : at + 2].decode("utf-16-le", "surrogatepass")
        raw += b"data: " + json.dumps(chunk({"content": unit})).encode() + b"\n\n"
    return raw + frame(chunk({}, finish="stop")) + frame(counted(USAGE)) + DONE


def _cesu(text: str) -> bytes:
    units = "".join(
        chr(int.from_bytes(text.encode("utf-16-be")[at : at + 2])) for at in range(0, len(text.encode("utf-16-be")), 2)
    )
    return stream("").replace(
        b'"content":""', b'"content":' + json.dumps(units, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )


_THOUGHT: JsonValue = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
TEXTS = (
    Oddity("reasoning_content", "DeepSeek", lambda t: _thought_first("reasoning_content", "hm") + stream(t)),
    Oddity(
        "reasoning",
        "vLLM, strands pull 2191; Groq, aisdk pull 123",
        lambda t: _thought_first("reasoning", "hm") + stream(t),
    ),
    Oddity(
        "both names at once",
        "Fastllm-proxy issue 23",
        lambda t: frame(chunk({"reasoning": "hm", "reasoning_content": "hm"})) + stream(t),
    ),
    Oddity(
        "reasoning_details",
        "OpenRouter",
        lambda t: _thought_first("reasoning_details", [{"type": "reasoning.text", "text": "hm"}]) + stream(t),
    ),
    Oddity(
        "reasoning in parts",
        "Mistral, openclaw pull 67203",
        lambda t: _thought_first("reasoning_content", [{"type": "thinking", "content": "hm"}]) + stream(t),
    ),
    Oddity("content in parts", "Mistral, symfony/ai issue 2422", _parts),
    Oddity(
        "thinking parts in content",
        "Magistral, vercel/ai pull 8072",
        lambda t: _thought_first("content", _THOUGHT) + _parts(t),
    ),
    Oddity("content: null", "DashScope", lambda t: frame(chunk({"content": None})) + stream(t)),
    Oddity("content: []", "Mistral", lambda t: frame(chunk({"content": []})) + stream(t)),
    Oddity("message in place of delta", "gateways", _messages),
    Oddity("message beside delta, repeated whole", "Perplexity; hermes-browser-extension issue 11", _growing),
    Oddity(
        "text in place of delta",
        "the completions wire",
        lambda t: each(t, lambda p: {"choices": [{"index": 0, "text": p}]}),
    ),
    Oddity("halves of surrogate pairs in two frames", "eliza issue 30904, rakazo issue 416", _halves),
    Oddity("halves of surrogate pairs as bytes", "Java servers", _cesu),
    Oddity(
        "all escaped",
        "Python servers",
        lambda t: (
            frame(chunk({}))
            + b"data: "
            + json.dumps(chunk({"content": t}, finish="stop", usage=USAGE)).encode()
            + b"\n\n"
            + DONE
        ),
    ),
    Oddity(
        "raw control characters",
        "servers that paste",
        lambda t: stream("").replace(b'"content":""', b'"content":' + orjson.dumps(t).replace(b"\\n", b"\x0b")),
        said=lambda t: t.replace("\n", "\x0b"),
    ),
    Oddity(
        "think tags in content",
        "DeepSeek-R1, vLLM issue 13125",
        lambda t: stream(f"<think>hm</think>{t}"),
        said=lambda t: f"<think>hm</think>{t}",
    ),
    Oddity(
        "content that is a number",
        "fuzzing",
        lambda t: stream(t, between=frame(chunk({"content": 5}))),
        "model_protocol_error",
        None,
    ),
    Oddity(
        "a delta that is a list",
        "fuzzing",
        lambda t: stream(t, between=frame(chunk([1]))),
        "model_protocol_error",
        None,
    ),
)
