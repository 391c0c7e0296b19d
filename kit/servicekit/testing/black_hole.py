"""A proxy that takes connections and never answers, and the variables that lead programs to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_NAMES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "ftp_proxy", "socks_proxy", "ws_proxy", "wss_proxy")


@dataclass(slots=True)
class BlackHole:
    """Where it listens, and who came.

    Attributes:
        port: on 127.0.0.1.
        visitors: an address for each connection.
    """

    port: int
    visitors: list[object] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """Every variable that some library takes for the way out, in both spellings; no host is exempt."""
        url = f"http://127.0.0.1:{self.port}"
        spellings = {name: url for lower in _NAMES for name in (lower, lower.upper())}
        return spellings | dict.fromkeys(("no_proxy", "NO_PROXY", "no_grpc_proxy", "NO_GRPC_PROXY"), "")


@contextmanager
def black_hole() -> Iterator[BlackHole]:
    """Listen until the context is left."""
    kept = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        hole = BlackHole(listener.getsockname()[1])

        def swallow() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                hole.visitors.append(address)

        thread = threading.Thread(target=swallow, daemon=True)
        thread.start()
        try:
            yield hole
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()
