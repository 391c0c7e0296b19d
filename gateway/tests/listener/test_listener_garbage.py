"""What is no HTTP gets a problem document and the connection's end; a request before it keeps its answer."""

import random

import pytest

from .conftest import GatewayProcess, talk

HOST = b"Host: x\r\n"
GOOD = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

ODD = b"\r\n\x00 :;,0fG\xff\t"
GARBAGE = {
    "bad method": b"FROB / HTTP/1.1\r\n" + HOST + b"\r\n",
    "method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "bad version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "no version": b"GET / FTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 64,
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ",
    "negative length": POST + b"Content-Length: -1\r\n\r\n",
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length of another kind": POST + b"Content-Length: 0x10\r\n\r\n",
    "chunks last but one": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET /livez HTTP/1.1\nHost: x\n\n",
    "bare CR": b"GET /livez HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "NUL in a value": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "NUL in a name": b"GET /livez HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
    "NUL in the target": b"GET /li\x00vez HTTP/1.1\r\n" + HOST + b"\r\n",
    "space before the colon": b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
    "no colon": b"GET /livez HTTP/1.1\r\nHost\r\n\r\n",
    "no name": b"GET /livez HTTP/1.1\r\n: x\r\n\r\n",
    "bytes in the target": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "only a host as target": b"CONNECT example.com:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "huge chunk size": CHUNKED + b"ffffffffffffffffff\r\n",
    "invalid chunk size": CHUNKED + b"xyz\r\n",
    "chunk longer than it says": CHUNKED + b"1\r\nabc\r\n0\r\n\r\n",
    "chunk ended by LF": CHUNKED + b"2\n{}\n0\n\n",
    "trailer without colon": CHUNKED + b"2\r\n{}\r\n0\r\nx y\r\n\r\n",
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_gets_a_problem_with_an_id_and_the_end(alone: GatewayProcess, raw: bytes) -> None:
    (said,) = talk(alone.address, raw)

    assert said.problem()["code"] == "bad_request"
    assert (said.status, said.headers["connection"]) == (400, "close")
    assert said.headers["x-content-type-options"] == "nosniff"
    assert said.headers["cache-control"] == "no-store"


def test_garbage_is_refused_in_the_language_that_it_asked_for(alone: GatewayProcess) -> None:
    (said,) = talk(alone.address, b"GET / HTTP/1.1\r\nAccept-Language: zh\r\nHost: x\r\nA\x00: b\r\n\r\n")

    assert said.problem()["title"] == "请求错误"


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "apart"])
def test_a_request_before_garbage_has_its_own_answer_first(
    alone: GatewayProcess,
    raw: bytes,
    is_at_once: bool,  # noqa: FBT001
) -> None:
    said = talk(alone.address, *([GOOD + raw] if is_at_once else [GOOD, raw]))

    assert [one.status for one in said] in ([200], [200, 400])
    assert said[0].body == b"ok\n"


@pytest.mark.parametrize("seed", range(12))
def test_mutated_requests_never_get_anything_but_an_answer_of_ours(alone: GatewayProcess, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        raw = bytearray(chance.choice([GOOD, *GARBAGE.values()]))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            raw[at : at + chance.randint(0, 2)] = bytes(
                chance.choices(b"\r\n\x00 :;,0fG\xff\t", k=chance.randint(0, 3))
            )

        said = talk(alone.address, bytes(raw) + b"\r\n\r\n\x00\r\n\r\n")

        for one in said:
            assert one.status < 500 or one.problem()["code"] in {"unavailable", "deadline_exceeded"}, bytes(raw)
            assert one.status < 400 or one.problem(), bytes(raw)
