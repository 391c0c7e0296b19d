"""`make demo`: the journey on the stack that runs on this folder, or on one that is started and stopped for it."""

import dataclasses
import os
from collections.abc import Callable

from local_stack import servers
from local_stack.data_dir import find_running
from local_stack.demo.journey import DEFAULT_SENTENCE, walk
from local_stack.refusal import Refusal
from local_stack.settings import StackSettings
from local_stack.stack import Stack


async def demo(settings: StackSettings, sentence: str | None, show: Callable[[str], None]) -> int:
    """Walk the journey with the user's sentence, or with our own; the exit code.

    Raises:
        Refusal: the stack can't start, or a step of the journey was refused.
    """
    wanted = (sentence or "").strip() or DEFAULT_SENTENCE
    running = find_running(settings.data_dir)
    if running is not None:
        await walk(running.url, settings.data_dir, wanted, stays=True)
        return 0
    show("starting Prompt Sphere …")
    stack = Stack(_with_free_port(settings), show)
    async with stack.running(os.environ):
        await walk(stack.url, settings.data_dir, wanted, stays=False)
    return 0


def _with_free_port(settings: StackSettings) -> StackSettings:
    """A demo needs no certain port: when the usual one is taken and none was asked for, any will do."""
    if os.environ.get("PORT", "").strip():
        return settings
    try:
        servers.check_port(settings.host, settings.port)
    except Refusal:
        return dataclasses.replace(settings, port=0)
    return settings
