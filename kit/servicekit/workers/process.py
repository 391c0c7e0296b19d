"""One worker process as its parent sees it: asked, answered by, ended."""

import asyncio
import os
import pickle
import socket
import subprocess
import sys
import time
from typing import Final

from servicekit.errors import InvalidArgument, SphereError, Unavailable
from servicekit.log import get_logger
from servicekit.workers import board as boards
from servicekit.workers.wire import LENGTH_BYTES

END_GRACE_SECONDS: Final = 0.5
"""How long past its limit a worker may take to end itself, and to write down where it was."""

_INHERITED = ("PYTHON", "LC_", "LANG", "LD_", "PATH", "HOME", "TZ", "VIRTUAL_ENV", "COV")
"""Beginnings of names in the environment that a worker gets: it needs no secret, so it is given none."""

_log = get_logger()


class WorkerProcess:
    """A running worker; `start` makes one, from the thread that lives as long as the process (the main one).

    On Linux a worker is killed when the *thread* that started it ends.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        *,
        board: int,
        limit_seconds: float,
    ) -> None:
        self._process = process
        self._reader, self._writer = streams
        self._board = board
        self._limit_seconds = limit_seconds

    @classmethod
    async def start(cls, *, limit_seconds: float) -> "WorkerProcess":
        """Start a process; it is ready for work as soon as it reads.

        Raises:
            Unavailable: `overloaded`, the system has no room for one more process or its files.
        """
        streams = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                # Nothing is awaited once the process is there: who is cancelled meanwhile leaves none behind.
                streams = await asyncio.open_unix_connection(sock=ours)
                board = boards.open_board()
                process = _spawn(theirs, board=board, limit_seconds=limit_seconds)
        except OSError as error:
            if streams is not None:
                streams[1].close()
            _log.error("worker_not_started", problem=str(error))  # without a stack: that would have to open files
            raise Unavailable(
                "There is no room for work on large texts now; try again shortly.",
                reason="overloaded",
                retry_after_seconds=2.0,
            ) from error
        _log.info("worker_started", pid=process.pid)
        return cls(process, streams, board=board, limit_seconds=limit_seconds)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """True until it ended or was ended."""
        return not self._reader.at_eof() and not self._writer.is_closing() and self._process.poll() is None

    async def do(self, job: bytes) -> object:
        """What the pickled job gives; raises what it raises. Whatever else goes wrong ends the process.

        Raises:
            InvalidArgument: `text_too_complex`, it took longer than the limit; `step` in the metadata says in what.
            Unavailable: `worker_lost`, the process ended under the work.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limit_seconds + END_GRACE_SECONDS):
                self._writer.write(len(job).to_bytes(LENGTH_BYTES) + job)
                await self._writer.drain()
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
                is_done, value = pickle.loads(await self._reader.readexactly(length))  # noqa: S301 - our own program
        except TimeoutError:
            raise self._given_up(has_run_out=True) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            # By the time, not by how it ended: the watchdog reads frames that change meanwhile, and may crash on them.
            has_run_out = time.monotonic() - began >= self._limit_seconds
            raise self._given_up(has_run_out=has_run_out) from None
        except BaseException:
            self.kill()  # nobody waits any more
            raise
        if not is_done:
            raise value
        return value

    def kill(self) -> None:
        """End it at once; it is left to `wait` to bury it."""
        self._process.kill()
        self._writer.close()

    async def wait(self) -> None:
        """Wait until the process is gone and bury it; call it once, after `kill`."""
        code = await asyncio.to_thread(self._process.wait)
        os.close(self._board)
        _log.info("worker_ended", pid=self.pid, exit_code=code)

    def _given_up(self, *, has_run_out: bool) -> SphereError:
        step, stack = boards.read_step(self._board) or "start", boards.read_stack(self._board)
        reason = "text_too_complex" if has_run_out else "worker_lost"
        _log.warning("worker_given_up", pid=self.pid, reason=reason, step=step, frames=stack)
        self.kill()
        return too_complex(step, self._limit_seconds) if has_run_out else lost(step)


def _spawn(line: socket.socket, *, board: int, limit_seconds: float) -> "subprocess.Popen[bytes]":
    """The program `child`, by vfork and exec; its command line names no service."""
    try:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "servicekit.workers.child", str(os.getpid()), str(board), str(limit_seconds)],
            stdin=line.fileno(),
            stdout=subprocess.DEVNULL,
            pass_fds=(board,),
            env={name: value for name, value in os.environ.items() if name.startswith(_INHERITED)},
        )
    except OSError:
        os.close(board)
        raise


def too_complex(step: str, limit_seconds: float) -> SphereError:
    """The error about a text that keeps a step busy for longer than it may."""
    seconds = f"{limit_seconds:g}"
    return InvalidArgument(
        f"The text is too complex: the step {step!r} did not end within {seconds} s. Shorten or simplify the text.",
        reason="text_too_complex",
        metadata={"step": step, "limit_seconds": seconds},
    )


def lost(step: str) -> SphereError:
    """The error about a worker that ended, by a kill or for want of memory, while it worked."""
    return Unavailable(
        f"The process that worked on the text ended in the step {step!r}; try again.",
        reason="worker_lost",
        metadata={"step": step},
        retry_after_seconds=1.0,
    )
