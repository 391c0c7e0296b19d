"""Work for the processor that would hold the event loop for too long."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Below this size the work takes less than handing it to a thread does harm.
THREAD_FROM_BYTES = 32 * 1024


async def off_loop(work: Callable[[], T], *, size_bytes: int) -> T:
    """What `work` gives; in a thread when the texts it reads, about so many bytes, are worth one."""
    return work() if size_bytes < THREAD_FROM_BYTES else await asyncio.to_thread(work)
