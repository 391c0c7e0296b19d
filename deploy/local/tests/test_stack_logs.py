import asyncio
from pathlib import Path

import pytest
from local_stack.logs import MAX_FILE_BYTES, ProcessLog, notable


def stream_of(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"event": "served", "level": "info"}', None),
        (
            '{"event": "redis_lost", "level": "warning", "at": "x", "error": "gone"}',
            "warning: redis_lost error=gone",
        ),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_warnings_and_complaints_are_shown(line: str, shown: str | None) -> None:
    assert notable(line) == shown


async def test_everything_is_stored_and_what_matters_is_shown(tmp_path: Path) -> None:
    shown: list[str] = []
    log = ProcessLog(tmp_path, "auth-service", shown.append)
    printed = b'{"event": "served", "level": "info"}\n{"event": "slow", "level": "warning"}\nno end of line'

    await log.follow(stream_of(printed))

    assert (tmp_path / "auth-service.log").read_bytes() == printed
    assert shown == ["[auth-service] warning: slow", "[auth-service] no end of line"]
    assert len(log.tail) == 3


def test_the_file_is_bounded(tmp_path: Path) -> None:
    log = ProcessLog(tmp_path, "noisy", lambda _line: None)

    async def print_much() -> None:
        await log.follow(stream_of(b"x" * (MAX_FILE_BYTES + 1)))

    for _ in range(3):
        asyncio.run(print_much())

    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) < 2 * MAX_FILE_BYTES


async def test_a_log_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    shown: list[str] = []
    log = ProcessLog(tmp_path / "missing", "auth-service", shown.append)

    await log.follow(stream_of(b'{"level": "info"}\n'))
    await log.follow(stream_of(b'{"level": "info"}\n'))

    assert len(shown) == 1
    assert "can't be written" in shown[0]
