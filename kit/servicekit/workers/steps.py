"""Where a piece of work is, said by itself, so that who has to end it can name what took too long."""

from collections.abc import Callable
from contextvars import ContextVar

_report: ContextVar[Callable[[str], object] | None] = ContextVar("promptsphere_step_report", default=None)


def enter(name: str) -> None:
    """Say that the step `name` begins, such as the name of a rule; never a piece of the text.

    Outside a worker nobody listens, and this costs some 50 ns.
    """
    report = _report.get()
    if report is not None:
        report(name)


def report_to(report: Callable[[str], object]) -> None:
    """From now on `report` is called at each step of this context."""
    _report.set(report)
