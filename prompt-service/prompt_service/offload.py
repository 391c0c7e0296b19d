"""Work over texts that would hold the event loop for too long."""

from functools import partial
from typing import TypeVar

from servicekit.workers.pool import WorkerPool

T = TypeVar("T")

INLINE_BELOW_BYTES = 4 * 1024
"""Below this size the work takes 2 ms at worst, less than handing it over does harm."""


async def off_loop(pool: WorkerPool, work: partial[T], *, tenant: str, size_bytes: int) -> T:
    """What `work` gives; by the pool when the texts it reads, about so many bytes, are worth it.

    Raises:
        InvalidArgument: `text_too_complex`.
        Unavailable: `overloaded` or `worker_lost`.
    """
    return work() if size_bytes < INLINE_BELOW_BYTES else await pool.run(work, tenant=tenant)
