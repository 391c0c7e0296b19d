"""Bounds on the head of a request, asked of a real process: nothing grows, nothing waits for ever."""

import socket
import time
from collections.abc import Iterator

import pytest

from .conftest import GatewayProcess, answers_in, talk

MIB = 1024 * 1024
START = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
END = b"Connection: close\r\n\r\n"


def lines(count: int, size: int = 1) -> bytes:
    return b"".join(b"x-%d: %s\r\n" % (number, b"v" * size) for number in range(count))


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (START + lines(98) + END, 200),
        (START + lines(99) + END, 431),
        (START + b"a: " + b"v" * (64_000) + b"\r\n" + END, 200),
        (START + b"a: " + b"v" * (64 * 1024) + b"\r\n" + END, 431),
        (START + lines(64, 1024) + END, 431),
        (START + b"n" * (70 * 1024) + b": v\r\n" + END, 431),
        (START + b"a: v\r\n b: folded\r\n" + END, 400),
        (START + lines(10_000) + END, 431),
        (b"GET /livez?" + b"q" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n" + END, 200),
        (b"GET /livez?" + b"q" * 66_000 + b" HTTP/1.1\r\nHost: x\r\n" + END, 414),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("piece_bytes", [1 << 20, 4096])
def test_a_head_has_64_kib_and_100_lines_however_it_is_cut(
    alone: GatewayProcess, head: bytes, status: int, piece_bytes: int
) -> None:
    pieces = [head[at : at + piece_bytes] for at in range(0, len(head), piece_bytes)]

    (said,) = talk(alone.address, *pieces)

    assert said.status == status
    if status != 200:
        assert said.problem()["code"] == {431: "headers_too_large", 414: "uri_too_long", 400: "bad_request"}[status]
        assert said.headers["connection"] == "close"


def endless(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    for _ in range(128 * MIB // len(piece)):
        yield piece


CHUNKED = b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "piece", "status"),
    [
        (START + b"a: ", b"v" * 65536, 431),
        (START, b"n" * 65536, 431),
        (START, b"a: v\r\n" * 10_000, 431),
        (b"GET /", b"p" * 65536, 414),
        (b"", b"\r\n" * 32768, 431),
        (b"", b"M" * 65536, 400),
        (CHUNKED + b"0\r\na: ", b"v" * 65536, None),
        (CHUNKED + b"0\r\n", b"a: v\r\n" * 10_000, None),
        (CHUNKED + b"1;", b"x" * 65536, None),
        (CHUNKED + b"1\r\nx\r\n", b"0" * 65536, None),
    ],
    ids=["value", "name", "lines", "target", "blank lines", "method", "trailer", "trailers", "extension", "zeros"],
)
def test_128_mib_where_a_head_should_end_are_refused_and_memory_stays_flat(
    alone: GatewayProcess, start: bytes, piece: bytes, status: int | None
) -> None:
    talk(alone.address, START + END)
    before_mib, before_cpu = alone.rss_mib(), alone.cpu_seconds()

    said = talk(alone.address, *endless(start, piece))

    assert alone.rss_mib() - before_mib < 8
    assert alone.cpu_seconds() - before_cpu < 0.5
    assert len(said) <= 1
    if status is not None:
        assert (said[0].status, said[0].problem()["status"]) == (status, status)
    elif said:  # a request under way may have had its own answer first
        assert said[0].status in {400, 431, 503}


@pytest.mark.slow
def test_who_trickles_a_head_gets_408_and_who_says_nothing_is_let_go(alone: GatewayProcess) -> None:
    started = time.monotonic()
    with (
        socket.create_connection(alone.address, 20) as trickling,
        socket.create_connection(alone.address, 20) as silent,
        socket.create_connection(alone.address, 20) as blank,
    ):
        trickling.settimeout(0.2)
        raw = b""
        for byte in b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 100:
            trickling.send(bytes([byte]))
            blank.send(b"\r\n")
            try:
                raw = trickling.recv(65536)
                break
            except TimeoutError:
                continue
        seconds = time.monotonic() - started
        closed = silent.recv(1), blank.recv(1)

    assert 9 < seconds < 14
    assert closed == (b"", b"")
    (said,) = answers_in(raw)
    assert (said.status, said.problem()["code"]) == (408, "request_timeout")


def test_a_trailer_never_passes_as_a_header(alone: GatewayProcess) -> None:
    body = b"0\r\nX-Request-Id: from-a-trailer\r\n\r\n"
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"

    (said,) = talk(alone.address, head + body)

    assert said.status == 404
    assert said.headers["x-request-id"] != "from-a-trailer"


def test_an_upgrade_that_we_do_not_speak_is_answered_as_if_it_were_not_asked_for(alone: GatewayProcess) -> None:
    for upgrade in (b"h2c", b"websocket"):
        head = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + b"\r\n\r\n"

        (said,) = talk(alone.address, head, START + b"\r\n")

        assert (said.status, said.headers["connection"]) == (200, "close")
