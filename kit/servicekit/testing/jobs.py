"""Work for worker processes in tests: a worker finds it by its name, so it can't stand in a test's own module."""

import os
import re
import sys
from collections.abc import Sequence

from servicekit.errors import SphereError
from servicekit.workers import steps


def stuck_in(step: str, _text: str = "") -> None:
    """Never end, and hold the interpreter meanwhile, as a regular expression does."""
    steps.enter(step)
    re.fullmatch(r"(a+)+", "a" * 64 + "b")


def refuse(error: SphereError) -> None:
    """Raise the error."""
    raise error


def modules_loaded(names: Sequence[str]) -> list[str]:
    """Which of the modules the worker has loaded."""
    return [name for name in names if name in sys.modules]


def environment_names() -> list[str]:
    """The names in the worker's environment."""
    return list(os.environ)
