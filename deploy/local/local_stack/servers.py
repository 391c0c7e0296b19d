"""What must be right outside of us before anything starts: the port, MySQL, Redis."""

import contextlib
import errno
import os
import random
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Any, TypeAlias

import pymysql
import redis
from pymysql.constants import ER

from local_stack.refusal import Refusal
from local_stack.settings import MysqlAccount

SCHEMAS = ("promptsphere_auth", "promptsphere_prompt", "promptsphere_generation")
_CONNECT_SECONDS = 5
_OWN_PORTS = range(20000, 32768)
"""Below what Linux (from 32768), macOS and BSD (from 49152) use for outgoing connections."""

_AddressInfo: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As `socket.getaddrinfo` gives it."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody uses now.

    Not one that the system hands out by itself: until the process that it is meant for listens there, any
    outgoing connection might get it.

    Raises:
        Refusal: there is none, or the host is not an address of this machine.
    """
    family, _, _, _, (address, *_) = _addresses(host, 0)[0]
    check_port(host, 0)
    for port in random.sample(_OWN_PORTS, k=200):
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise Refusal(f"There is no free port from {_OWN_PORTS.start} to {_OWN_PORTS.stop - 1}.")


def check_port(host: str, port: int) -> None:
    """See that the gateway can listen there.

    Raises:
        Refusal: it can't; the sentence says what to change.
    """
    family, kind, protocol, _, address = _addresses(host, port)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do, so that connections still closing from a stack just stopped don't count; but without
        # SO_REUSEPORT, so that a gateway of another stack does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise Refusal(_port_sentence(host, port, error)) from None


def _addresses(host: str, port: int) -> Sequence[_AddressInfo]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise Refusal(f"HOST={host} is not an address of this machine; take 127.0.0.1 or 0.0.0.0.") from None


def _port_sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program. Stop it, or choose another one: "
            f"`make run PORT={port + 1}`; for a second stack beside a running one also another DATA_DIR."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have; take one above 1023, say PORT=8000."
    return f"HOST={host} can't be listened on ({os.strerror(error.errno or 0)}); take 127.0.0.1 or 0.0.0.0."


def prepare_mysql(account: MysqlAccount) -> None:
    """See that MySQL answers, and make the three schemas if they are missing.

    Raises:
        Refusal: it doesn't answer, refuses us, or the schemas are missing and we may not make them.
    """
    where = f"{account.host}:{account.port}"
    try:
        connection = pymysql.connect(
            host=account.host,
            port=account.port,
            user=account.user,
            password=account.password,
            connect_timeout=_CONNECT_SECONDS,
            charset="utf8mb4",
        )
    except pymysql.err.OperationalError as error:
        if error.args[0] == ER.ACCESS_DENIED_ERROR:
            raise Refusal(
                f"MySQL at {where} refused the user {account.user}: correct user or password in MYSQL_URL."
            ) from None
        raise Refusal(
            f"MySQL doesn't answer at {where} ({error.args[1]}): correct MYSQL_URL, or leave it empty for SQLite."
        ) from None
    with closing(connection), connection.cursor() as cursor:
        for schema in SCHEMAS:
            try:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
                cursor.execute(f"USE {schema}")
            except (pymysql.err.OperationalError, pymysql.err.ProgrammingError) as error:
                raise Refusal(
                    f"The schema {schema} is missing at {where} and {account.user} may not make it "
                    f"({error.args[1]}): have an administrator run deploy/mysql/init.sql or grant it."
                ) from None


def check_redis(url: str) -> None:
    """See that the Redis that was named answers.

    Raises:
        Refusal: it doesn't.
    """
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_CONNECT_SECONDS, socket_connect_timeout=_CONNECT_SECONDS, protocol=2
        ) as client:
            client.ping()
    except redis.AuthenticationError:
        raise Refusal("Redis refused the password in REDIS_URL; correct it.") from None
    except (redis.RedisError, ValueError) as error:
        raise Refusal(
            f"Redis doesn't answer as REDIS_URL says ({error}): correct it, or leave it empty for an embedded one."
        ) from None
