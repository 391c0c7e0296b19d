"""aiomysql's connection, whose loss is said as what it is: a database error that means "connect again".

Once its peer has closed or reset a connection, uvloop's transport raises `RuntimeError` on the next write, and
aiomysql lets that pass (aio-libs/aiomysql#966): SQLAlchemy, which knows a lost connection by the driver's own errors,
then takes it for a defect, keeps the rest of the pool, and the caller gets an internal error.
"""

import asyncio
import contextlib
import struct
from typing import Any, Final, NoReturn

from aiomysql.connection import Connection, MysqlPacket
from pymysql.constants import CR
from pymysql.err import InternalError, OperationalError

PING_SECONDS: Final = 1.0
"""A load balancer that forgot an idle connection swallows what is sent on it; a living server answers in time."""
_FAREWELL_SECONDS: Final = 0.5
# What parsing meets when something else than MySQL answers, or only half of it does.
_MALFORMED: Final = (struct.error, IndexError, UnicodeDecodeError, AssertionError)


class LossAwareConnection(Connection):  # type: ignore[misc]  # aiomysql has no types
    """A connection that raises `OperationalError` (2013), and nothing else, when it is lost."""

    async def ping(self, reconnect: bool = False) -> None:  # noqa: FBT001, FBT002 - aiomysql's signature
        """Ask for a sign of life.

        Raises:
            OperationalError: there was none within a second.
        """
        try:
            async with asyncio.timeout(PING_SECONDS):
                await super().ping(reconnect=reconnect)
        except TimeoutError as silence:
            self._lose(silence)

    async def ensure_closed(self) -> None:
        """Say goodbye if anybody is there, and close."""
        with contextlib.suppress(OSError, RuntimeError):  # TimeoutError is an OSError
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await super().ensure_closed()
        self.close()

    def _write_bytes(self, data: bytes) -> None:
        try:
            super()._write_bytes(data)
        except (RuntimeError, OSError, AttributeError) as loss:  # AttributeError: closed a moment ago, no writer
            self._lose(loss)

    async def _read_bytes(self, num_bytes: int) -> bytes:
        try:
            data: bytes = await super()._read_bytes(num_bytes)
        except (RuntimeError, AttributeError) as loss:
            self._lose(loss)
        return data

    async def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> Any:
        try:
            return await super()._read_packet(packet_type)
        except InternalError as disorder:
            if not self.closed:
                raise
            self._lose(disorder)  # packets out of order: what is left of an answer that nobody waited for

    def _lose(self, cause: BaseException) -> NoReturn:
        self.close()
        raise OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server") from cause


async def connect(**arguments: Any) -> LossAwareConnection:
    """Connect as `aiomysql.connect` does, within `connect_timeout` seconds, greeting and login included.

    Raises:
        OperationalError: nobody answers in time, it is no MySQL server, or it refuses.
    """
    connection = LossAwareConnection(**arguments)
    try:
        async with asyncio.timeout(arguments["connect_timeout"]):
            await connection._connect()  # noqa: SLF001 - as aiomysql.connect does
    except (RuntimeError, OSError, *_MALFORMED) as failure:
        connection.close()
        raise OperationalError(CR.CR_CONN_HOST_ERROR, "Can't connect to MySQL server") from failure
    return connection
