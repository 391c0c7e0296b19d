"""Writing a prompt with a model: the prompt's text is streamed and nothing else."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import orjson
from servicekit.errors import FailedPrecondition, Unavailable
from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.calls import Finished, ModelCall, TextDelta, assistant, system, user
from generation_service.dashscope.client import ModelClient
from generation_service.execution.context import Rejected
from generation_service.instructions.leaks import Instructions, LeakGuard, load_instructions
from generation_service.requirements.questions import OTHER, questions
from generation_service.text.thoughts import Reset
from generation_service.writing.model_writer.unwrapping import Unwrapper
from generation_service.writing.values import GateViolation, WriteRequest

_TEMPERATURE = 0.3
_MAX_OUTPUT_TOKENS = 8_000
_SPARE_FACTOR = 2
_SPARE_TOKENS = 512


async def write_with_model(client: ModelClient, request: WriteRequest) -> AsyncGenerator[str | Reset, None]:
    """Stream the prompt for a request.

    What a model wraps around a prompt is left out; `Reset.RESET` takes back all text before it, where that turns
    out only late. Close it (`aclosing`) when leaving early. The text is known to be complete only when the stream ends.

    Raises:
        Rejected: `instructions_leaked`: the model began to repeat our own instructions.
        SphereError: `model_*`; `model_output_truncated` when the model's cap cut the prompt off.
    """
    instructions = load_instructions("write")
    messages = (system(instructions.text), user(orjson.dumps(write_data(request)).decode()))
    async with aclosing(_written(client, request, messages, "write", (instructions,))) as texts:
        async for text in texts:
            yield text


async def rewrite_with_violations(
    client: ModelClient, request: WriteRequest, previous: str, violations: Sequence[GateViolation]
) -> AsyncGenerator[str | Reset, None]:
    """Stream the prompt once more, after the gates refused `previous`. Raises as `write_with_model`."""
    instructions, again = load_instructions("write"), load_instructions("rewrite")
    listed: list[JsonValue] = [
        {"code": each.code, "message": each.message, "detail": each.detail} for each in violations
    ]
    messages = (
        system(instructions.text),
        user(orjson.dumps(write_data(request)).decode()),
        assistant(previous),
        user(f"{again.text}\n\n{orjson.dumps({'violations': listed}).decode()}"),
    )
    async with aclosing(_written(client, request, messages, "rewrite", (instructions, again))) as texts:
        async for text in texts:
            yield text


def write_data(request: WriteRequest) -> JsonObject:
    """What the model is told about the wanted prompt: data only, never instructions."""
    parsed = request.parsed
    requirements: list[JsonValue] = [
        {"kind": each.kind.value, "text": each.text, "priority": each.priority, "inferred": each.inferred}
        for each in parsed.requirements
    ]
    data: JsonObject = {
        "language": request.language,
        "layout": request.layout,
        "agent_type": parsed.agent_type,
        "description": parsed.description,
        "requirements": requirements,
        "answers": _answers(request),
    }
    return data if request.max_tokens is None else {**data, "max_tokens": request.max_tokens}


def _answers(request: WriteRequest) -> list[JsonValue]:
    """The answers in the words of the form; blanks, and choices that leave it to us, say nothing."""
    said: list[JsonValue] = []
    for name, question in questions().items():
        answer = request.answers.get(name)
        if answer == OTHER:
            answer = request.answers.get(f"{name}_{OTHER}")
        option = next((each for each in question.options if each.value == answer), None)
        if option is not None:
            answer = option.labels[request.language] if any(option.sentences.values()) else ""
        if isinstance(answer, str) and answer.strip():
            said.append({"question": question.titles[request.language], "answer": answer.strip()})
    return said


async def _written(
    client: ModelClient,
    request: WriteRequest,
    messages: tuple[JsonObject, ...],
    purpose: str,
    instructions: tuple[Instructions, ...],
) -> AsyncGenerator[str | Reset, None]:
    unwrapper = Unwrapper()
    guards = tuple(LeakGuard(each) for each in instructions)
    has_text = False
    call = ModelCall(
        model=client.models.write,
        messages=messages,
        purpose=purpose,
        temperature=_TEMPERATURE,
        max_output_tokens=_output_cap(request),
    )
    async with aclosing(client.stream(call)) as events:
        async for event in events:
            pieces: list[str | Reset] = []
            if isinstance(event, TextDelta):
                pieces.extend(unwrapper.feed(_guarded(guards, event.text)))
            elif isinstance(event, Finished):
                _check_finish(event.finish_reason)
                pieces.extend((*unwrapper.feed(_released(guards)), *unwrapper.finish()))
            for piece in pieces:
                has_text = piece is not Reset.RESET
                yield piece
    if not has_text:
        raise Unavailable(
            "The model answered with nothing; try again.",
            reason="model_protocol_error",
            metadata={"model": client.models.write},
        )


def _guarded(guards: tuple[LeakGuard, ...], text: str) -> str:
    for guard in guards:
        text = guard.feed(text)
        if guard.has_leaked:
            raise Rejected(
                "instructions_leaked",
                "The model repeated its instructions instead of writing a prompt; rephrase the description.",
            )
    return text


def _released(guards: tuple[LeakGuard, ...]) -> str:
    """What the guards still hold at the end; each passes through those after it."""
    text = ""
    for guard in guards:
        text = guard.feed(text) + guard.finish() if text else guard.finish()
    return text


def _output_cap(request: WriteRequest) -> int:
    """Room enough that the size gate, and not a cut in mid-sentence, judges a prompt that is too long."""
    if request.max_tokens is None:
        return _MAX_OUTPUT_TOKENS
    return min(request.max_tokens * _SPARE_FACTOR + _SPARE_TOKENS, _MAX_OUTPUT_TOKENS)


def _check_finish(finish_reason: str) -> None:
    if finish_reason == "length":
        raise FailedPrecondition(
            "The prompt grew beyond what the model may write; describe less, or choose another model.",
            reason="model_output_truncated",
        )
