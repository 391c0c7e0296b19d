"""The board: a few bytes that a worker writes and its parent reads after it had to be ended.

A worker inside a regular expression can't answer, so it writes its step down before it begins it; the interpreter's
watchdog adds the stack. A file in memory takes one system call a step and outlives the worker.
"""

import os
import re
import tempfile

_STEP_BYTES = 256
_MOST_STACK_BYTES = 4096
_MOST_FRAMES = 5
_FRAME = re.compile(r'File "(?:[^"]*/)?([^"/]+/[^"/]+\.py)", line (\d+) in (\S+)')


def open_board() -> int:
    """A descriptor of a new, empty board; the caller closes it."""
    if hasattr(os, "memfd_create"):  # Linux
        return os.memfd_create("board")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def clear(board: int) -> None:
    """Make room for the next piece of work; what is written without a position goes behind the step."""
    os.ftruncate(board, 0)
    os.lseek(board, _STEP_BYTES, os.SEEK_SET)


def write_step(board: int, name: str) -> None:
    """Write down the step that begins."""
    os.pwrite(board, name.encode("utf-8", "replace")[:_STEP_BYTES].ljust(_STEP_BYTES, b"\0"), 0)


def read_step(board: int) -> str:
    """The step that was begun last; empty before the first."""
    return os.pread(board, _STEP_BYTES, 0).rstrip(b"\0").decode("utf-8", "replace")


def read_stack(board: int) -> tuple[str, ...]:
    """The innermost frames, `folder/module.py:line function`, as the watchdog saw them; none when it never looked."""
    stack = os.pread(board, _MOST_STACK_BYTES, _STEP_BYTES)
    frames = _FRAME.findall(stack.decode("utf-8", "replace"))
    return tuple(f"{module}:{line} {function}" for module, line, function in frames)[:_MOST_FRAMES]
