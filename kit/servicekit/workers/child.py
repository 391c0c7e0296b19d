"""The worker process: `python -m servicekit.workers.child PARENT_PID BOARD LIMIT_SECONDS`.

Jobs come in and answers go out over standard input, a socket, as pickles behind their length. It imports the standard
library and what its jobs need, nothing else: 13 MB before the first job, 18 MB with lint, 24 MB with every rule loaded.
"""

import contextlib
import ctypes
import faulthandler
import os
import pickle
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Sequence

from servicekit.workers import board as boards
from servicekit.workers import steps
from servicekit.workers.wire import LENGTH_BYTES

_PR_SET_PDEATHSIG = 1
_NICENESS = 5
"""Behind the processes that serve, which answer others meanwhile, yet not starved on a busy machine."""
_OOM_SCORE = "500"
"""The kernel that runs out of memory takes a worker before it takes a service."""


def main(arguments: Sequence[str]) -> int:
    """Work on jobs one after the other, until there is nobody to answer to."""
    parent_pid, board, limit_seconds = int(arguments[0]), int(arguments[1]), float(arguments[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent decides
    _die_with(parent_pid)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it holds somebody's text
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123
        score.write(_OOM_SCORE)
    steps.report_to(lambda name: boards.write_step(board, name))
    with socket.socket(fileno=sys.stdin.fileno()) as line, line.makefile("rb") as jobs:
        while len(length := jobs.read(LENGTH_BYTES)) == LENGTH_BYTES:
            answer = _answer(jobs.read(int.from_bytes(length)), board, limit_seconds)
            line.sendall(len(answer).to_bytes(LENGTH_BYTES) + answer)
    return 0


def _die_with(parent_pid: int) -> None:
    """Be killed when the parent ends, however it ends; elsewhere than on Linux the limit and the socket see to it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(1)  # it ended before we asked


def _answer(job: bytes, board: int, limit_seconds: float) -> bytes:
    """The pickled pair of whether it worked, and what came of it."""
    boards.clear(board)
    # A thread of C writes the stack and ends this process: it needs no interpreter, which a regular expression holds.
    faulthandler.dump_traceback_later(limit_seconds, exit=True, file=board)
    try:
        work = pickle.loads(job)  # noqa: S301 - only the parent holds the other end
        steps.enter(_name_of(work))
        return pickle.dumps((True, work()), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 - the edge: what a job raises belongs to who asked
        return _failure(error)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _name_of(work: object) -> str:
    function = getattr(work, "func", work)
    return str(getattr(function, "__name__", type(function).__name__))


def _failure(error: Exception) -> bytes:
    error.add_note("In a worker process:\n" + "".join(traceback.format_tb(error.__traceback__)))
    try:
        answer = pickle.dumps((False, error), pickle.HIGHEST_PROTOCOL)
        pickle.loads(answer)  # noqa: S301 - our own; an exception may refuse to be made again
    except Exception:  # noqa: BLE001 - likewise the edge
        stand_in = RuntimeError(f"{type(error).__name__} in a worker process")
        stand_in.add_note(error.__notes__[-1])
        return pickle.dumps((False, stand_in), pickle.HIGHEST_PROTOCOL)
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
