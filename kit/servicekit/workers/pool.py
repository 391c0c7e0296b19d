"""The pool: small work in a thread of this process, the rest in worker processes that can be ended."""

import asyncio
import pickle
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, cast

from prometheus_client import Gauge, Histogram

from servicekit.errors import SphereError, Unavailable
from servicekit.settings import TextWorkSettings
from servicekit.tasks import TaskRegistry
from servicekit.workers.process import WorkerProcess
from servicekit.workers.turns import Turns

T = TypeVar("T")

MAX_WAITING_PER_TENANT: Final = 64
WAIT_SECONDS: Final = 10.0
"""With the work itself still within what the gateway waits for a service: a refusal, not a time-out."""

LARGE_BYTES: Final = 64 * 1024
"""Work of this size never takes the last worker: linear work on it takes a neighbour's patience, 50 ms and more."""

IDLE_SECONDS: Final = 300.0
"""A worker that had nothing to do for so long ends, and gives back its 24 MB."""

WORK_SECONDS = Histogram(
    "promptsphere_worker_seconds",
    "Work done in worker processes, by the error's reason (`ok`; `failed` for any other exception).",
    ("reason",),
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10),
)
WORKERS = Gauge("promptsphere_workers", "Worker processes that run now.")


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How much a pool may take.

    Attributes:
        workers: most processes.
        from_bytes: size of the pickled work (a text and some 100 bytes) from which on it goes to a process. The way
            there and back takes 0.3 ms, pickling 256 KiB among it less than 0.1; the way to a thread 0.1 ms. A new
            process and its imports take 300 ms, once. Beside work of 3 ms a KiB (lint of ordinary text) that is
            nothing from 1 KiB on; what decides is the harm a thread does: for as long as it works, each step of the
            loop waits up to 5 ms (`sys.getswitchinterval`), and at 8 KiB that is over after some 30 ms.
        limit_seconds: longest work in a process.
    """

    workers: int = 2
    from_bytes: int = 8 * 1024
    limit_seconds: float = 5.0

    @classmethod
    def of(cls, settings: TextWorkSettings) -> "PoolLimits":
        """As they are set."""
        return cls(settings.text_workers, settings.text_worker_from_bytes, settings.text_limit_seconds)


class WorkerPool:
    """Runs work that is CPU over text. For one event loop, that of the main thread; `open_pool` makes one."""

    def __init__(self, limits: PoolLimits, *, idle_seconds: float) -> None:
        self._limits = limits
        self._idle_seconds = idle_seconds
        self._turns = Turns(limits.workers, max_waiting=MAX_WAITING_PER_TENANT, wait_seconds=WAIT_SECONDS)
        # One: several that compete for the interpreter make the loop wait for each of them in turn.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="text")
        self._workers: dict[WorkerProcess, asyncio.TimerHandle | None] = {}
        """Those that run, the last one taken last; with the end of an idle one, and None for one at work."""
        self._is_closed = False
        self._endings = TaskRegistry()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now; none before the first work that needs one."""
        return tuple(worker.pid for worker in self._workers)

    async def run(self, work: partial[T], *, tenant: str, is_refusable: bool = True) -> T:
        """What `work` gives, or raises.

        Who stops waiting ends the work. The calls' text may be hostile, their code may not.

        Args:
            work: `partial` of a function that is found by its module and name, with arguments that can be pickled,
                as must be what it gives. Its module should import little: each worker loads it.
            tenant: whose work it is; tenants take turns.
            is_refusable: False for work whose number is bounded already, such as the steps of admitted runs.

        Raises:
            InvalidArgument: `text_too_complex`, it took longer than the limit; `step` in the metadata says in what.
            Unavailable: `overloaded`, too many wait or too long; `worker_lost`, the process ended under the work.
        """
        job = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        if len(job) < self._limits.from_bytes:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        is_large = len(job) >= LARGE_BYTES
        async with (
            self._turns.turn(tenant, is_large=is_large, is_refusable=is_refusable),
            self._worker() as worker,
        ):
            return cast("T", await _timed(worker, job))

    async def close(self) -> None:
        """End all processes and the thread; work under way or waiting is lost."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        for worker in tuple(self._workers):
            self._end(worker)
        await self._endings.close(grace_seconds=5.0)

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[WorkerProcess]:
        """A worker of one's own: one that waits, else a new one; kept afterwards if it lives."""
        worker = await self._take()
        try:
            yield worker
        finally:
            if not worker.is_alive:
                self._end(worker)
            elif worker in self._workers:
                later = asyncio.get_running_loop().call_later(self._idle_seconds, self._end, worker)
                self._workers[worker] = later

    async def _take(self) -> WorkerProcess:
        # The last one used first: its memory is warm, and the others may end.
        for worker, ends_later in reversed(tuple(self._workers.items())):
            if ends_later is None:
                continue
            if worker.is_alive:
                ends_later.cancel()
                del self._workers[worker]
                self._workers[worker] = None
                return worker
            self._end(worker)
        if self._is_closed:
            raise Unavailable("This process is shutting down; try again.", retry_after_seconds=1.0)
        started = await WorkerProcess.start(limit_seconds=self._limits.limit_seconds)
        self._workers[started] = None
        WORKERS.inc()
        return started

    def _end(self, worker: WorkerProcess) -> None:
        if worker not in self._workers:
            return
        ends_later = self._workers.pop(worker)
        if ends_later is not None:
            ends_later.cancel()
        worker.kill()
        WORKERS.dec()
        self._endings.spawn("worker-end", worker.wait())


@asynccontextmanager
async def open_pool(limits: PoolLimits, *, idle_seconds: float = IDLE_SECONDS) -> AsyncIterator[WorkerPool]:
    """A pool without processes yet; on leaving, all of them end."""
    pool = WorkerPool(limits, idle_seconds=idle_seconds)
    try:
        yield pool
    finally:
        await pool.close()


async def _timed(worker: WorkerProcess, job: bytes) -> object:
    began = time.perf_counter()
    reason = "failed"
    try:
        result = await worker.do(job)
        reason = "ok"
    except SphereError as error:
        reason = error.reason
        raise
    finally:
        WORK_SECONDS.labels(reason).observe(time.perf_counter() - began)
    return result
