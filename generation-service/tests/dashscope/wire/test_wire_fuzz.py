"""Valid streams, spoilt and cut at random: the same text or a typed failure, never an exception, in bounded memory."""

import asyncio
import random
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from generation_service.dashscope.attempts import AttemptStart
from generation_service.dashscope.calls import TextDelta
from generation_service.dashscope.failures import AttemptFailed
from generation_service.dashscope.guards.recorder import Recorder
from generation_service.dashscope.policy import load_policy
from generation_service.dashscope.wire.body import BodyReader
from generation_service.dashscope.wire.deltas import read_deltas
from generation_service.dashscope.wire.replies import Reply
from generation_service_testing import MemoryAttempts
from hypothesis import given, settings
from hypothesis import strategies as st
from servicekit.tasks import TaskRegistry
from vendor_fakes.dashscope.oddities import ODDITIES

POLICY = load_policy().model("qwen-plus")
TEXT = "## 角色\n你是客服😀, and “plain” 𝒳.\n"
BODIES = [one.body(TEXT) for one in ODDITIES if one.status == 200 and len(one.body(TEXT)) < 20_000]
SPOILS = [
    *(
        b"\n",
        b"\r",
        b"\n\n",
        b"data: ",
        b"data: [DONE]\n\n",
        b"event: error\n",
        b":HTTP_STATUS/429\n",
        b"\x00",
        b"\xff",
    ),
    *(
        b"{",
        b"}",
        b'"',
        b"[",
        b"null",
        b"1e999",
        b"-1",
        b"NaN",
        b"\\ud83d",
        b'"error":"x",',
        b'"usage":{},',
        b"[" * 3000,
    ),
    *(
        b'"content":',
        b'"finish_reason":"stop",',
        b'"index":7,',
        b'"choices":',
        b"99999999999999999999999999",
        b"\xed\xa0\xbd",
    ),
]


async def pieces_of(raw: bytes, sizes: random.Random | int) -> AsyncGenerator[bytes, None]:
    at = 0
    while at < len(raw):
        size = sizes if isinstance(sizes, int) else sizes.randint(1, 60)
        yield raw[at : at + size]
        at += size


async def read(raw: bytes, sizes: random.Random | int = 10**9) -> tuple[str, str]:
    """The text and the end, which is the reason of the failure if it is one; the usage must be fit for a row."""
    reply, text = Reply("qwen-plus"), ""
    try:
        async with aclosing(read_deltas(pieces_of(raw, sizes), BodyReader(1 << 20, 1 << 23), reply)) as deltas:
            async for delta in deltas:
                delta.text.encode()
                text += delta.text if isinstance(delta, TextDelta) else ""
        end = reply.check_end()
    except AttemptFailed as failure:
        failure.error.message.encode()
        str(failure.error.metadata).encode()
        end = failure.error.reason
    rows = MemoryAttempts()
    start = AttemptStart("qwen-plus", "test", 1, 10)
    recorder = Recorder(rows, TaskRegistry(), POLICY, start, reply, is_sent=True)
    await recorder.begin()
    usage = await recorder.end("succeeded")
    assert 0 <= usage.cached_tokens <= usage.input_tokens <= 10**8
    assert 0 <= usage.output_tokens <= 10**8
    return text, end


def test_any_size_of_pieces_gives_the_same_text_and_the_same_end() -> None:
    async def check() -> None:
        for body in BODIES:
            whole = await read(body)
            for size in (1, 17):
                assert await read(body, size) == whole

    asyncio.run(check())


@pytest.mark.parametrize("number", range(0, len(BODIES), 6))
def test_a_cut_at_any_byte_gives_a_beginning_of_the_text_or_all_of_it(number: int) -> None:
    async def check() -> None:
        body = BODIES[number]
        whole, end = await read(body)
        for at in range(0, len(body), 1 + len(body) // 150):
            text, cut_end = await read(body[:at], 23)
            if cut_end in {"stop", "length"}:
                assert (text, cut_end) == (whole, end)
            assert whole.startswith(text) or text.endswith("\ufffd")

    asyncio.run(check())


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_spoilt_streams_end_in_a_text_or_a_typed_failure(rng: random.Random) -> None:
    raw = bytearray(rng.choice(BODIES))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(raw) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            raw[at:at] = rng.choice(SPOILS)
        elif kind == 1:
            del raw[at : at + rng.randint(1, 40)]
        elif kind == 2:
            raw[at : at + 1] = bytes([rng.randrange(256)])
        else:
            raw[at:at] = raw[max(at - rng.randint(1, 200), 0) : at]

    _, end = asyncio.run(read(bytes(raw), rng))

    assert end in {"stop", "length"} or end.startswith("model_")


@pytest.mark.slow
def test_memory_is_bounded_whatever_comes() -> None:
    async def endless(part: bytes) -> AsyncGenerator[bytes, None]:
        while True:
            yield part

    async def check(part: bytes) -> str:
        try:
            async with aclosing(read_deltas(endless(part), BodyReader(1 << 18, 1 << 21), Reply("m"))) as deltas:
                _ = [0 async for _ in deltas]
        except AttemptFailed as failure:
            return failure.error.message
        return ""

    for part in (b"x" * 999, b"\n" * 999, b"data: 1\n" * 99, b'{"a": "' + b"x" * 999, b": c\n" * 99, b"x: y\n" * 99):
        tracemalloc.start()
        try:
            assert "too long" in asyncio.run(check(part))
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak_bytes < 4 << 20
