"""A stream that is cut at any byte is a success exactly when its finish reason has come."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from generation_service.dashscope.calls import TextDelta
from generation_service.dashscope.failures import AttemptFailed
from generation_service.dashscope.wire.body import BodyReader
from generation_service.dashscope.wire.deltas import read_deltas
from generation_service.dashscope.wire.replies import Reply
from hypothesis import given
from hypothesis import strategies as st

FINISH = b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":null}'
RECORDED = (
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"hm"},"finish_reason":null}]}\n\n'
    + 'data: {"choices":[{"index":0,"delta":{"content":"你好，"},"finish_reason":null}]}\n\n'.encode()
    + 'data: {"choices":[{"index":0,"delta":{"content":"世界😀"},"finish_reason":null}]}\n\n'.encode()
    + FINISH
    + b"\n\n"
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14}}\n\n'
    b"data: [DONE]\n\n"
)
FINISHED_AT = RECORDED.index(FINISH) + len(FINISH)
TEXT = "你好，世界😀"


async def pieces_of(raw: bytes, size: int) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(raw), size):
        yield raw[at : at + size]


async def read(raw: bytes, size: int) -> tuple[str, Reply]:
    reply = Reply("m")
    text = ""
    async with aclosing(read_deltas(pieces_of(raw, size), BodyReader(10_000, 100_000), reply)) as deltas:
        async for delta in deltas:
            text += delta.text if isinstance(delta, TextDelta) else ""
    return text, reply


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
async def test_every_cut_of_a_recorded_stream(size: int) -> None:
    for at in range(len(RECORDED) + 1):
        text, reply = await read(RECORDED[:at], size)

        assert TEXT.startswith(text)
        assert (reply.finish_reason is not None) == (at >= FINISHED_AT)
        if at < FINISHED_AT:
            with pytest.raises(AttemptFailed, match="broke off"):
                reply.check_end()
        else:
            assert (text, reply.check_end()) == (TEXT, "stop")


@given(st.integers(0, len(RECORDED)), st.binary(min_size=1, max_size=30), st.integers(1, 200))
def test_noise_at_any_place_ends_in_an_answer_or_a_typed_failure(at: int, noise: bytes, size: int) -> None:
    try:
        _, reply = asyncio.run(read(RECORDED[:at] + noise + RECORDED[at:], size))
    except AttemptFailed as failure:
        assert failure.error.reason.startswith("model_")  # noqa: PT017 - either end is right
        return

    assert reply.finish_reason in {None, "stop"} or noise
