"""Background tasks that are named, whose failures are logged, and that are waited for at shutdown."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class TaskRegistry:
    """Owns every background task of a process; stands in for a bare `asyncio.create_task`.

    A bare task may be collected while it runs, and its exception is only seen when nobody needs it any more.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, name: str, coro: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """Run `coro` in the background under `name`.

        Raises:
            RuntimeError: the registry is closed; nobody would wait for the task.
        """
        if self._is_closed:
            coro.close()
            raise RuntimeError(f"no task can start after shutdown began: {name}")
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Wait up to `grace_seconds` for the tasks to end by themselves, cancel the rest and await them.

        A task that ignores its cancellation is awaited all the same: what it does must not be cut in half.
        """
        self._is_closed = True
        current = asyncio.current_task()
        pending = {task for task in self._tasks if task is not current}
        if pending and grace_seconds > 0:
            _, pending = await asyncio.wait(pending, timeout=grace_seconds)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _log.error("task_failed", task=task.get_name(), exc_info=error)
