"""Oddities of the end: which finish reasons mean success, and what else may stand there."""

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.oddities.frames import DONE, USAGE, Oddity, chunk, counted, frame, half, said, stream


def _ending(finish: JsonValue, seen: str, end: str = "stop") -> Oddity:
    return Oddity(f"finish_reason {finish!r}", seen, lambda text: stream(text, finish=finish), end)


def _broken(finish: JsonValue, seen: str, end: str) -> Oddity:
    return Oddity(
        f"finish_reason {finish!r} after half", seen, lambda t: stream(half(t), finish=finish), end, said=half
    )


def _on_every_frame(text: str, done: bytes = DONE) -> bytes:
    documents: list[JsonValue] = [{**one, "choices": [{**_choice(one), "finish_reason": "stop"}]} for one in said(text)]
    return b"".join(map(frame, documents)) + frame(counted(USAGE)) + done


def _choice(document: JsonObject) -> JsonObject:
    choices = document["choices"]
    return choices[0] if isinstance(choices, list) and isinstance(choices[0], dict) else {}


def _on_thought(text: str) -> bytes:
    return frame(chunk({"reasoning_content": "hm"}, finish="stop")) + stream(text)


ENDINGS = (
    _ending("STOP", "Gemini, pydantic-ai pull 2631"),
    _ending("Stop", "gateways"),
    _ending("eos", "Together, openai-dotnet pull 267"),
    _ending("eos_token", "TGI pull 2344, mistral client pull 123"),
    _ending("EOS_TOKEN", "fms-guardrails issue 74"),
    _ending("end_turn", "OpenRouter, modelfusion pull 343"),
    _ending("stop_sequence", "TGI"),
    _ending({"type": "stop", "matched": 128009}, "SGLang issue 4097"),
    _ending("length", "the OpenAI reference", "length"),
    _ending("MAX_TOKENS", "Gemini, ai-gateway pull 2107", "length"),
    _ending("max_tokens", "Anthropic by gateways", "length"),
    _ending("model_length", "Mistral", "length"),
    _ending("unheard_of", "nobody yet", "model_protocol_error"),
    _ending(1, "servers that serialise an enum", "model_protocol_error"),
    _broken("abort", "vLLM issue 57082, SGLang pull 6693", "model_stream_cut"),
    _broken("error", "OpenRouter, pydantic-ai issue 2844", "model_stream_cut"),
    _broken("cancelled", "LM Studio", "model_stream_cut"),
    _broken("network_error", "Zhipu", "model_stream_cut"),
    _broken("tool_calls", "aviary pull 64", "model_protocol_error"),
    _broken("function_call", "the older OpenAI reference", "model_protocol_error"),
    _broken("content_filter", "Azure, DeepSeek", "model_rejected_input"),
    _broken("SAFETY", "Gemini", "model_rejected_input"),
    _broken("sensitive", "Zhipu", "model_rejected_input"),
    _broken("insufficient_system_resource", "DeepSeek", "model_unavailable"),
    Oddity(
        "finish_reason '' in each frame",
        "Ollama issue 4357",
        lambda t: stream(t).replace(b'"finish_reason":null', b'"finish_reason":""'),
    ),
    Oddity(
        "finish_reason 'null' in each frame",
        "DashScope",
        lambda t: stream(t).replace(b'"finish_reason":null', b'"finish_reason":"null"'),
    ),
    Oddity(
        "finish_reason missing but at the end",
        "LocalAI issue 1744",
        lambda t: stream(t).replace(b',"finish_reason":null', b""),
    ),
    Oddity(
        "finishReason",
        "Gemini, llmcord issue 84",
        lambda t: stream(t).replace(b'"finish_reason":"stop"', b'"finishReason":"stop"'),
    ),
    Oddity("stop in every frame", "Gemini, litellm issue 2195", _on_every_frame),
    Oddity(
        "stop in every frame, cut",
        "gcli2api issue 403",
        lambda t: _on_every_frame(half(t), b""),
        "model_stream_cut",
        said=half,
    ),
    Oddity("stop on a thought", "open-webui issue 16377", _on_thought),
    Oddity("no finish reason, but [DONE]", "vllm-mlx issue 628", lambda t: stream(t, finish=None), "model_stream_cut"),
    Oddity(
        "a second end with another word", "chained proxies", lambda t: stream(t, after=frame(chunk({}, finish="error")))
    ),
    Oddity(
        "a refusal in place of text",
        "the OpenAI reference",
        lambda _: stream("").replace(b'"content":""', b'"refusal":"I cannot"'),
        "model_rejected_input",
        said=lambda _: "",
    ),
)
