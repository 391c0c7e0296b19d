import socket

import pytest
from local_stack import servers
from local_stack.refusal import Refusal
from local_stack.settings import MysqlAccount


def test_a_free_port_passes() -> None:
    servers.check_port("127.0.0.1", servers.free_port())


@pytest.mark.parametrize("is_shared", [False, True], ids=["plain", "SO_REUSEPORT"])
def test_a_taken_port_is_refused_with_what_to_do(is_shared: bool) -> None:  # noqa: FBT001 - parametrised
    with socket.socket() as other:
        if is_shared:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(Refusal, match=f"PORT={port + 1}"):
            servers.check_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(Refusal, match=f"HOST={host}"):
        servers.check_port(host, servers.free_port())
    with pytest.raises(Refusal, match=f"HOST={host}"):
        servers.free_port(host)


def test_mysql_that_does_not_answer_is_refused() -> None:
    nobody = MysqlAccount(user="me", password="secret", host="127.0.0.1", port=servers.free_port())

    with pytest.raises(Refusal, match="correct MYSQL_URL") as refusal:
        servers.prepare_mysql(nobody)

    assert "secret" not in str(refusal.value)


def test_redis_that_does_not_answer_is_refused() -> None:
    with pytest.raises(Refusal, match="REDIS_URL"):
        servers.check_redis(f"redis://127.0.0.1:{servers.free_port()}/0")


def test_redis_that_answers_passes(redis_url: str) -> None:
    servers.check_redis(redis_url)
