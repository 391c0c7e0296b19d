"""The terminal, or what stands for it: any encoding, a pipe whose reader has left, nothing at all."""

import contextlib
import errno
import io
import os
import sys

_UNHEARD = frozenset({errno.EPIPE, errno.EIO, errno.EBADF, errno.ENOSPC, errno.ENXIO})
_SIGPIPE_EXIT_CODE = 141
"""What a shell reports of a program whose reader has left."""


def speak_plainly() -> None:
    """From now on a character that the terminal has no code for is shown as `?`, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # closed by whoever started us, it is None
            stream.reconfigure(errors="replace")


def show(text: str) -> None:
    """Print a line for people; when nobody can hear it any more, it stands in the logs all the same."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: closed by us, when stdout had gone
        print(text, file=sys.stderr, flush=True)


def as_text(argument: str | None) -> str | None:
    """An argument as UTF-8, also where Python took its bytes for another encoding's; what is neither is `�`."""
    return None if argument is None else os.fsencode(argument).decode("utf-8", "replace")


def is_unheard(error: OSError) -> bool:
    """True when standard output can't take any more: its reader has left, or its disk is full."""
    return error.errno in _UNHEARD and error.filename is None


def leave_unheard(error: OSError) -> int:
    """Say why on standard error, and keep Python from trying once more at the end; the exit code."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
    if error.errno != errno.EPIPE:
        show(f"Standard output can't be written ({error.strerror}).")
    return _SIGPIPE_EXIT_CODE
