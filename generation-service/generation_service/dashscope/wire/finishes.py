"""What a finish reason means: an allow list says success, everything else is a failure with a name.

The words are those of OpenAI, Azure, DashScope, DeepSeek, Moonshot, Zhipu, MiniMax, Mistral, Gemini, Groq, Together,
OpenRouter, Cloudflare, and of vLLM, SGLang, TGI, llama.cpp, Ollama and LM Studio.
"""

from servicekit.json_types import JsonValue

from generation_service.dashscope.failures import (
    content_refused,
    protocol_error,
    provider_gave_up,
    stream_cut,
)

STOP = "stop"
LENGTH = "length"

_NOT_YET = frozenset({"", "null", "none", "unfinished", "finish_reason_unspecified"})
_STOPS = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_LENGTHS = frozenset({"length", "max_tokens", "max_output_tokens", "max_length", "model_length"})
_FILTERS = frozenset(
    {
        "content_filter",
        "content-filter",
        "contentfilter",
        "safety",
        "sensitive",
        "recitation",
        "prohibited_content",
        "blocklist",
        "spii",
        "refusal",
        "guardrail_intervened",
    }
)
_CUTS = frozenset({"abort", "aborted", "cancelled", "canceled", "error", "network_error", "timeout", "unload"})
_TOOLS = frozenset({"tool_calls", "tool-calls", "tool_call", "tool_use", "function_call", "malformed_function_call"})
_OVERLOADS = frozenset({"insufficient_system_resource", "overloaded"})


def finish_word(value: JsonValue) -> str | None:
    """The finish reason in a choice, in lower case; None when the answer goes on.

    SGLang's own form is an object with a `type`. What is neither is a word too: one that means failure.
    """
    if isinstance(value, dict):
        value = value.get("type")
    if not value:
        return None
    word = value.strip().lower() if isinstance(value, str) else "?"
    return None if word in _NOT_YET else word


def is_good_end(word: str) -> bool:
    """True when the answer is whole, or was cut by a limit of its length."""
    return word in _STOPS or word in _LENGTHS


def checked_finish(word: str, *, model: str) -> str:
    """`stop` or `length`. Raises AttemptFailed for any other end; the breaker counts none of them."""
    if word in _STOPS:
        return STOP
    if word in _LENGTHS:
        return LENGTH
    if word in _FILTERS:
        raise content_refused(model=model)
    if word in _CUTS:
        raise stream_cut(model=model)
    if word in _OVERLOADS:
        raise provider_gave_up(model=model)
    what = "a call of a tool that it does not have" if word in _TOOLS else "an unknown finish reason"
    raise protocol_error(what, model=model)
