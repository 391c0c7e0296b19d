"""Processes that end with the tests that started them."""

import shutil
import subprocess
from collections.abc import Sequence


def tied_to_us(command: Sequence[str]) -> list[str]:
    """The command, made to die with this process even when that is killed, where the system can do that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


def stop(process: subprocess.Popen[bytes], *, limit_seconds: float) -> None:
    """End the process: asked first, killed after `limit_seconds`."""
    process.terminate()
    try:
        process.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
