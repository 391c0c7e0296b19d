"""A TCP relay between a client under test and a real server, that cuts in each way a network does."""

import asyncio
import socket
import struct
from typing import Literal

Cut = Literal["rst", "fin", "hole"]

CUTS: tuple[Cut, ...] = ("rst", "fin", "hole")


class Wire:
    """Relays `127.0.0.1:port` to a server until told otherwise.

    Args:
        host: of the server.
        port: of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._pairs: set[_Pair] = set()
        self._server: asyncio.Server | None = None
        self._is_swallowing = False
        self.port = 0

    @property
    def open_connections(self) -> int:
        """How many stand now."""
        return len(self._pairs)

    async def start(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections, and reset those that stand."""
        if self._server is not None:
            self._server.close()
        self.cut("rst")
        await asyncio.gather(*(pair.done for pair in self._pairs), return_exceptions=True)

    def cut(self, how: Cut) -> None:
        """End the connections that stand: by RST, by FIN, or by swallowing all that passes from now on."""
        for pair in list(self._pairs):
            pair.cut(how)

    def swallow(self) -> None:
        """Swallow also what new connections send, until `relay`."""
        self._is_swallowing = True
        self.cut("hole")

    def relay(self) -> None:
        """Serve new connections again; those that were swallowed stay lost."""
        self._is_swallowing = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        pair = _Pair(reader, writer, far_reader, far_writer)
        if self._is_swallowing:
            pair.cut("hole")
        self._pairs.add(pair)
        try:
            await pair.done
        finally:
            self._pairs.discard(pair)


class _Pair:
    """One connection and its counterpart to the server."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        self._writer = writer
        self._far_writer = far_writer
        self._is_hole = False
        self.done = asyncio.gather(
            self._pump(reader, far_writer), self._pump(far_reader, writer), return_exceptions=True
        )

    def cut(self, how: Cut) -> None:
        """End it that way."""
        if how == "hole":
            self._is_hole = True
            return
        if how == "rst":  # to close with nothing to linger for sends RST instead of FIN
            raw: socket.socket = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort() if how == "rst" else self._writer.close()
        self._far_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self._is_hole:
                    sink.write(data)
                    await sink.drain()
        except (ConnectionError, RuntimeError):  # RuntimeError: uvloop's, of a transport that was cut
            return
        finally:
            if not self._is_hole:
                sink.close()
