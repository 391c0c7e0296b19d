"""Oddities of the usage: what is no count is not believed."""

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.oddities.frames import DONE, USAGE, Oddity, chunk, each, frame, said, stream


def _usage(name: str, seen: str, usage: JsonValue, counted: tuple[int, int] | None = None) -> Oddity:
    return Oddity(f"usage {name}", seen, lambda text: stream(text, usage=usage), usage=counted)


def _tokens(given: JsonValue, taken: JsonValue) -> JsonValue:
    return {"prompt_tokens": given, "completion_tokens": taken}


def _in_choice(text: str) -> bytes:
    last: JsonObject = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]}
    return b"".join(map(frame, said(text))) + frame(last) + DONE


def _running(text: str) -> bytes:
    documents = [{**one, "usage": _tokens(11, number)} for number, one in enumerate(said(text), 1)]
    return b"".join(map(frame, documents)) + frame(chunk({}, finish="stop", usage=_tokens(11, 7))) + DONE


def _in_the_middle(text: str) -> bytes:
    documents = said(text)
    return (
        b"".join(map(frame, [documents[0] | {"usage": _tokens(11, 1)}, *documents[1:], chunk({}, finish="stop")]))
        + DONE
    )


USAGES = (
    _usage("missing", "Moonshot, Cogtrix issue 2376", {"total_tokens": 18}),
    _usage("{}", "litellm issue 2195", {}),
    _usage("zero", "autogen issue 6548", _tokens(0, 0)),
    _usage("zero input", "Ollama Cloud, opencode issue 28758; archestra pull 5914", _tokens(0, 7)),
    _usage("zero output", "gateways", _tokens(11, 0)),
    _usage("null", "vercel/ai issue 4239", _tokens(None, None)),
    _usage("a list", "fuzzing", [1, 2]),
    _usage("a word", "fuzzing", "unknown"),
    _usage("strings", "gateways", _tokens("11", "7"), (11, 7)),
    _usage("strings that are no numbers", "gateways", _tokens("n/a", "many")),
    _usage("floats", "gateways in JavaScript and Lua", _tokens(11.0, 7.0), (11, 7)),
    _usage("broken floats", "vercel/ai issue 3268", _tokens(11.5, 7.25)),
    _usage("negative", "OpenRouter, pi issue 2048", _tokens(-6452, -1)),
    _usage("10^18", "fuzzing", _tokens(10**18, 10**18)),
    _usage("10^18 of cached tokens", "fuzzing", {**USAGE, "prompt_tokens_details": {"cached_tokens": 10**18}}, (11, 7)),
    _usage("1e300", "fuzzing", _tokens(1e300, 1e300)),
    _usage("booleans", "fuzzing", _tokens(True, False)),
    _usage(
        "input_tokens and output_tokens", "mlx-vlm, pi issue 2326", {"input_tokens": 11, "output_tokens": 7}, (11, 7)
    ),
    _usage("both names", "gateways", {**USAGE, "input_tokens": 0, "output_tokens": 0}, (11, 7)),
    _usage(
        "details that are null",
        "servers that serialise every field",
        {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": None},
        (11, 7),
    ),
    _usage(
        "more cached than read",
        "OpenRouter, pi issue 2048",
        {**USAGE, "prompt_tokens_details": {"cached_tokens": 900}},
        (11, 7),
    ),
    Oddity("usage in the last choice", "Moonshot, AstrBot issue 6614", _in_choice),
    Oddity(
        "usage in x_groq",
        "Groq, vercel/ai issue 3268",
        lambda t: stream(t, usage={}, after=frame({"choices": [], "x_groq": {"usage": USAGE}})),
    ),
    Oddity("usage in each frame", "vLLM continuous_usage_stats", _running),
    Oddity("usage in the middle only", "gateways", _in_the_middle, usage=None),
    Oddity(
        "usage zero in each frame",
        "LocalAI issue 1744",
        lambda t: each(t, lambda p: chunk({"content": p}, usage=_tokens(0, 0))),
    ),
    Oddity(
        "usage twice, the second zero",
        "chained proxies",
        lambda t: stream(t, after=frame({"choices": [], "usage": _tokens(0, 0)})),
    ),
    Oddity(
        "usage in two parts",
        "Anthropic by gateways",
        lambda t: frame({"usage": {"input_tokens": 11}}) + stream(t, usage={"output_tokens": 7}),
    ),
)
