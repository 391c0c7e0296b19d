"""The request body of a call, under the provider's rules for the model."""

import orjson
from servicekit.errors import InvalidArgument
from servicekit.json_types import JsonObject

from generation_service.dashscope.calls import ModelCall
from generation_service.dashscope.policy import ModelPolicy


def build_payload(
    call: ModelCall, policy: ModelPolicy, *, is_stream: bool, response_format: JsonObject | None = None
) -> bytes:
    """The JSON of a request.

    A whole answer cannot think, neither can a structured one; JSON object mode takes no cap of the output.

    Raises:
        InvalidArgument: `model_bad_request` when the model always thinks and the answer is wanted whole.
    """
    if policy.thinking == "always" and not is_stream:
        raise InvalidArgument(
            f"The model {policy.id} answers in a stream only; choose another one for this.",
            reason="model_bad_request",
            metadata={"model": policy.id},
        )
    body: JsonObject = {
        **call.extra,
        "model": call.model,
        "messages": [dict(message) for message in call.messages],
    }
    if is_stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if policy.thinking == "optional":
        body["enable_thinking"] = call.thinking and is_stream and response_format is None
    if call.temperature is not None:
        body["temperature"] = call.temperature
    is_json_object = response_format is not None and response_format.get("type") == "json_object"
    if call.max_output_tokens is not None and not is_json_object:
        body[policy.output_limit_field] = min(call.max_output_tokens, policy.max_output_tokens)
    if response_format is not None:
        body["response_format"] = response_format
    return orjson.dumps(body)
