"""Oddities of the event stream itself, and of what stands in its frames beside text."""

import orjson

from vendor_fakes.dashscope.json_types import JsonObject
from vendor_fakes.dashscope.oddities.frames import (
    DONE,
    USAGE,
    Oddity,
    chunk,
    counted,
    each,
    frame,
    pieces,
    said,
    stream,
)

_AZURE: JsonObject = {"choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
_SPEC = "the standard of server-sent events"


def _glued(text: str) -> bytes:
    lines = [frame(document).rstrip() for document in [*said(text), chunk({}, finish="stop"), counted(USAGE)]]
    return b"\n".join([*lines, b"data: [DONE]", b""])


def _multi_line(text: str) -> bytes:
    documents = [*said(text), chunk({}, finish="stop"), counted(USAGE)]
    frames = [orjson.dumps(one, option=orjson.OPT_INDENT_2).replace(b"\n", b"\ndata: ") for one in documents]
    return b"".join(b"data: " + one + b"\n\n" for one in frames) + DONE


def _whole(text: str, **more: object) -> bytes:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return orjson.dumps({"object": "chat.completion", "choices": [choice], "usage": USAGE, **more})


FRAMINGS = (
    Oddity("plain", "the OpenAI reference", stream),
    Oddity(
        "comments between frames",
        "OpenRouter, llm-gateway issue 2053",
        lambda t: stream(t, between=b": OPENROUTER PROCESSING\n\n"),
    ),
    Oddity(
        "comments inside data",
        "llm-gateway issue 2053",
        lambda t: stream(t, between=b"data: : OPENROUTER PROCESSING\n\n"),
    ),
    Oddity("comments before everything", "DeepSeek under load", lambda t: stream(t, before=b": keep-alive\n\n" * 3)),
    Oddity("unknown fields", _SPEC, lambda t: stream(t, between=b"provider: x\nx-trace: 1\nfoo\n\n")),
    Oddity("unknown fields that are no UTF-8", _SPEC, lambda t: stream(t, between=b"x: \xff\xfe\n\n")),
    Oddity(
        "id, event and retry fields",
        "Spring proxies",
        lambda t: stream(t, between=b"id: 1\nevent: message\nretry: 5\n\n"),
    ),
    Oddity(
        "no space after data:",
        "openai-python issue 498, Clawith pull 106",
        lambda t: stream(t).replace(b"data: ", b"data:"),
    ),
    Oddity("CRLF line ends", "cc-switch issue 1787", lambda t: stream(t).replace(b"\n", b"\r\n")),
    Oddity("CR line ends", _SPEC, lambda t: stream(t).replace(b"\n", b"\r")),
    Oddity("a byte order mark", _SPEC, lambda t: b"\xef\xbb\xbf" + stream(t)),
    Oddity("blank lines lost", "SillyTavern pull 1482", _glued),
    Oddity("documents over several data lines", _SPEC, _multi_line),
    Oddity("data: twice", "openclaw issue 96497", lambda t: stream(t).replace(b"data: {", b"data: data: {")),
    Oddity("[DONE] missing", "vllm-mlx issue 628, thread", lambda t: stream(t, done=b"")),
    Oddity("[DONE] with blanks", "proxies", lambda t: stream(t, done=b"data:   [DONE]  \n\n")),
    Oddity("[DONE] twice", "chained proxies", lambda t: stream(t, done=DONE * 2)),
    Oddity("[DONE] in quotes", "frameworks that serialise it", lambda t: stream(t, done=b'data: "[DONE]"\n\n')),
    Oddity("the last blank line missing", "waybarrios/vllm-mlx", lambda t: stream(t, done=b"").rstrip()),
    Oddity("text after [DONE]", "chained proxies", lambda t: stream(t) + frame(chunk({"content": "more"}))),
    Oddity("data: null", "hermes-agent pull 80822", lambda t: stream(t, between=b"data: null\n\n")),
    Oddity("empty data", "copilot-api pull 88", lambda t: stream(t, between=b"data:\n\n")),
    Oddity("data: ping", "gateways that keep a line warm", lambda t: stream(t, between=b"data: ping\n\n")),
    Oddity(
        "event: ping with an object",
        "copilot-api pull 88",
        lambda t: stream(t, between=b'event: ping\ndata: {"type":"ping"}\n\n'),
    ),
    Oddity("event: keepalive alone", "OmniRoute pull 1146", lambda t: stream(t, between=b"event: keepalive\n\n")),
    Oddity(
        "lists and numbers as data",
        "pi pull 2466",
        lambda t: stream(t, between=b"data: []\n\ndata: 0\n\ndata: true\n\n"),
    ),
    Oddity(
        "objects without choices",
        "openai-node issue 364",
        lambda t: stream(t, between=frame({"id": "x", "object": "keepalive"})),
    ),
    Oddity(
        "choices: null",
        "pydantic-ai issue 5165, cline pull 8518",
        lambda t: stream(t, between=frame({"choices": None})),
    ),
    Oddity("choices: [] at the start", "Azure, litellm issue 3276", lambda t: stream(t, before=frame(_AZURE))),
    Oddity(
        "choices: null with the usage",
        "cline pull 8518",
        lambda t: stream(t).replace(b'"choices":[],"usage"', b'"choices":null,"usage"'),
    ),
    Oddity("null among the choices", "pi pull 2466", lambda t: stream(t, between=frame({"choices": [None]}))),
    Oddity("index: null", "servers that leave it unset", lambda t: stream(t).replace(b'"index":0', b'"index":null')),
    Oddity("index missing", "Cloudflare, vercel/ai pull 4031", lambda t: stream(t).replace(b'"index":0,', b"")),
    Oddity(
        "a second choice",
        "litellm issue 3276",
        lambda t: stream(t, between=frame({"choices": [{"index": 1, "delta": {"content": "no"}}]})),
    ),
    Oddity("delta: null", "agentUniverse pull 772", lambda t: stream(t, between=frame(chunk(None)))),
    Oddity("delta missing", "agentUniverse pull 772", lambda t: stream(t, between=frame({"choices": [{"index": 0}]}))),
    Oddity(
        "role empty in each frame",
        "MiniMax-M2.5 issue 2",
        lambda t: each(t, lambda p: chunk({"role": "", "content": p})),
    ),
    Oddity(
        "base_resp 0 in each frame",
        "MiniMax",
        lambda t: each(t, lambda p: chunk({"content": p}, base_resp={"status_code": 0, "status_msg": ""})),
    ),
    Oddity(
        "error: null in each frame",
        "servers that serialise every field",
        lambda t: each(t, lambda p: chunk({"content": p}, error=None, code=None)),
    ),
    Oddity(
        "code 200 in a frame of its own", "gateways", lambda t: stream(t, before=frame({"code": 200, "message": "ok"}))
    ),
    Oddity(
        "-Infinity in logprobs",
        "sglang issue 4097",
        lambda t: stream(t, between=b'data: {"choices":[{"index":0,"delta":{},"logprobs":[-Infinity,NaN]}]}\n\n'),
    ),
    Oddity(
        "a whole document for a stream",
        "openai-api-proxy pull 33",
        _whole,
        headers={"content-type": "application/json"},
    ),
    Oddity("blanks before a whole document", "OpenRouter, DeepSeek", lambda t: b"\n" * 50 + _whole(t)),
    Oddity("a stream labelled as JSON", "openclaw issue 96497", stream, headers={"content-type": "application/json"}),
    Oddity("a stream labelled as text", "gateways", stream, headers={"content-type": "text/plain"}),
    Oddity(
        "the whole text in one frame",
        "gateways that buffer",
        lambda t: frame(chunk({"content": t}, finish="stop", usage=USAGE)) + DONE,
    ),
    Oddity("an odd request id", "headers may hold any byte", stream, headers={"x-request-id": "\u00fc" * 300}),
    Oddity(
        "a web page",
        "gateways",
        lambda _: b"<html>\n<body>502 Bad Gateway</body>\n</html>\n",
        "model_protocol_error",
        None,
    ),
    Oddity("nothing at all", "gateways", lambda _: b"", "model_stream_cut", None),
    Oddity(
        "a frame that is no JSON",
        "proxies that cut",
        lambda t: stream(t, between=b'data: {"choices": [oops\n\n'),
        "model_protocol_error",
        None,
    ),
    Oddity(
        "text that is no UTF-8",
        "broken tokenizers",
        lambda t: stream(t, between=b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n'),
        "model_protocol_error",
        None,
    ),
    Oddity(
        "nested beyond use",
        "fuzzing",
        lambda t: stream(t, between=b"data: " + b"[" * 50_000 + b"\n\n"),
        "model_protocol_error",
        None,
    ),
    Oddity("pieces of one character", "llama.cpp", lambda t: stream("".join(pieces(t)))),
)
