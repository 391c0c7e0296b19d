"""Child processes that are started again when they die, and never outlive the launcher.

Why not supervisor 4.3: it restarts and orders well, but knows no readiness, runs nothing once before
something else (our migrations), and when it is killed its children stay. What is left is this module.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from local_stack.logs import ProcessLog
from local_stack.refusal import StartFailure

BACKOFF_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
SETTLED_SECONDS = 30.0
"""Who has lived this long is started at once the next time it dies."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of the stack.

    Attributes:
        name: for people and log files.
        command: program and arguments.
        environment: all of it, not an addition.
        once_before: commands that must succeed first, each time the stack starts (migrations).
        is_quiet: its output goes to its file alone, because it is not in our form.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    once_before: tuple[tuple[str, ...], ...] = ()
    is_quiet: bool = False


class Supervised:
    """A process that is kept running from `start` to `stop`."""

    def __init__(self, spec: ProcessSpec, log_dir: Path, show: Callable[[str], None]) -> None:
        self.spec = spec
        self.deaths = 0
        self._show = show
        self._log = ProcessLog(log_dir, spec.name, (lambda _line: None) if spec.is_quiet else show)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process that runs now, or None between two."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def tail(self) -> list[str]:
        """The last lines that it printed."""
        return list(self._log.tail)

    async def start(self) -> None:
        """Run `once_before`, then the process; from then on it is restarted when it dies.

        Raises:
            StartFailure: a command of `once_before` failed, or the program can't be run.
        """
        for command in self.spec.once_before:
            process, printed = await self._launch(command)
            try:
                exit_code = await process.wait()
                await printed
            except asyncio.CancelledError:
                _signal(process, signal.SIGKILL)
                raise
            if exit_code != 0:
                what = " ".join(command[1:])
                raise StartFailure("\n".join([f"`{what}` failed with exit code {exit_code}:", *self.tail]))
        launched = await self._launch(self.spec.command)
        self._keeper = asyncio.create_task(self._keep(*launched), name=f"keep {self.spec.name}")

    async def stop(self, limit_seconds: float) -> None:
        """SIGTERM, then SIGKILL after `limit_seconds`; returns when it is gone and its output is stored."""
        self._stopping.set()
        keeper = self._keeper
        if keeper is None:
            return
        if self._process is not None:
            _signal(self._process, signal.SIGTERM)
        done, _ = await asyncio.wait([keeper], timeout=limit_seconds)
        if not done:
            self._show(f"[{self.spec.name}] did not stop within {limit_seconds:.0f} s and was killed")
            self.kill()
            await asyncio.wait([keeper])
        keeper.result()

    def kill(self) -> None:
        """SIGKILL, now."""
        self._stopping.set()
        if self._process is not None:
            _signal(self._process, signal.SIGKILL)

    async def _keep(self, process: asyncio.subprocess.Process, printed: "asyncio.Task[None]") -> None:
        quick_deaths = 0
        while True:
            began = time.monotonic()
            exit_code = await process.wait()
            await printed
            if self._stopping.is_set():
                return
            self.deaths += 1
            if time.monotonic() - began > SETTLED_SECONDS:
                quick_deaths = 0
            how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
            launched = await self._launch_again(how, quick_deaths)
            if launched is None:
                return
            process, printed = launched
            quick_deaths += 1

    async def _launch_again(self, how: str, quick_deaths: int) -> "_Launched | None":
        """Try until it runs; None when it is to stop meanwhile."""
        while True:
            wait_seconds = BACKOFF_SECONDS[min(quick_deaths, len(BACKOFF_SECONDS) - 1)]
            when = f"in {wait_seconds:g} s" if wait_seconds else "at once"
            self._show(f"[{self.spec.name}] ended with {how}; starting it again {when}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_seconds)
            if self._stopping.is_set():
                return None
            try:
                launched = await self._launch(self.spec.command)
            except StartFailure as failure:  # no memory, no file descriptors: that may pass
                how = str(failure)
                quick_deaths += 1
                continue
            if self._stopping.is_set():  # `stop` came while it was being started and signalled the one before
                _signal(launched[0], signal.SIGTERM)
            return launched

    async def _launch(self, command: tuple[str, ...]) -> "_Launched":
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(self.spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                # Its own session: Ctrl-C at the terminal reaches the launcher alone, which keeps the order.
                start_new_session=True,
                preexec_fn=_dying_with_us(),
            )
        except OSError as error:
            raise StartFailure(f"{command[0]} can't be run: {error.strerror}.") from error
        self._process = process
        if process.stdout is None:
            raise RuntimeError("asked for a pipe and got none")
        follow = self._log.follow(process.stdout)
        return process, asyncio.create_task(follow, name=f"log {self.spec.name}")


_Launched: TypeAlias = tuple[asyncio.subprocess.Process, "asyncio.Task[None]"]


def _dying_with_us() -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that kill -9 of the launcher ends it too.

    Linux only; elsewhere a killed launcher leaves its children, and the next one says that the port is taken.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: the child must not import or load anything
    launcher = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:  # it died before the tie was made
            os._exit(1)

    return tie


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself a moment ago
        process.send_signal(number)
