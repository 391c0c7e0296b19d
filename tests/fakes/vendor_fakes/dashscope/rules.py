"""What DashScope refuses with 400 or 404, in the order in which it looks."""

from vendor_fakes.dashscope.errors import VENDOR_ERRORS, Refused, VendorError
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.models import MODELS, FakeModel
from vendor_fakes.dashscope.tokens import count_messages, text_of

_ROLES = ("system", "user", "assistant", "tool", "developer")


def _bad(message: str, param: str | None = None) -> Refused:
    return Refused(VendorError(400, "invalid_parameter_error", message, param=param))


def check(body: JsonObject) -> FakeModel:
    """The model of a request that obeys the rules. Raises Refused otherwise."""
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise _bad("you must provide a model parameter", "model")
    model = MODELS.get(name)
    if model is None:
        raise Refused(VENDOR_ERRORS["model_not_found"])
    _check_messages(body.get("messages"))
    _check_ranges(body)
    _check_thinking(body, model)
    _check_format(body, model)
    if count_messages(body["messages"]) > model.context_tokens:
        raise _bad(f"Range of input length should be [1, {model.context_tokens}]", "messages")
    return model


def _check_messages(messages: JsonValue) -> None:
    if not isinstance(messages, list) or not messages:
        raise _bad("[] is too short - 'messages'", "messages")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise _bad(f"messages.role must be one of {', '.join(_ROLES)}", "messages")
    if not any(text_of(message) for message in messages):
        raise _bad("The content field is a required field.", "messages")


def _check_ranges(body: JsonObject) -> None:
    ranges = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "max_tokens": (1, 262_144)}
    for name, (low, high) in {**ranges, "max_completion_tokens": (1, 262_144)}.items():
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _bad(f"Range of {name} should be [{low}, {high}]", name)
    if body.get("stream_options") is not None and not body.get("stream"):
        raise _bad("'stream_options' only set this when you set stream: true", "stream_options")


def _check_thinking(body: JsonObject, model: FakeModel) -> None:
    wanted = body.get("enable_thinking")
    if wanted is not None and not isinstance(wanted, bool):
        raise _bad("enable_thinking must be a boolean", "enable_thinking")
    if wanted is False and model.thinking == "always":
        raise _bad("The value of the enable_thinking parameter is restricted to True.", "enable_thinking")
    if model.thinks(wanted) and not body.get("stream"):
        raise _bad("parameter.enable_thinking must be set to false for non-streaming calls", "enable_thinking")


def _check_format(body: JsonObject, model: FakeModel) -> None:
    response_format = body.get("response_format")
    if response_format is None:
        return
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if kind not in {"text", "json_object", "json_schema"}:
        raise _bad("'response_format.type' must be text, json_object or json_schema", "response_format")
    if kind == "text":
        return
    wanted = body.get("enable_thinking")
    if model.thinks(wanted if isinstance(wanted, bool) else None):
        raise _bad("Json mode response is not supported when enable_thinking is true", "response_format")
    if kind == "json_object":
        _check_json_object(body)
    elif not model.supports_json_schema:
        raise _bad("'response_format.type' json_schema is not supported by this model", "response_format")
    elif not isinstance(response_format, dict) or not _schema(response_format):
        raise _bad("'response_format.json_schema.schema' is missing", "response_format")


def _check_json_object(body: JsonObject) -> None:
    messages = body.get("messages")
    texts = [text_of(message) for message in messages] if isinstance(messages, list) else []
    if not any("json" in text.lower() for text in texts):
        raise _bad(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        )
    if body.get("max_tokens") is not None or body.get("max_completion_tokens") is not None:
        raise _bad("max_tokens must not be set when 'response_format' is of type 'json_object'", "max_tokens")


def _schema(response_format: JsonObject) -> JsonObject | None:
    wrapper = response_format.get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    return schema if isinstance(schema, dict) else None
