"""What a pipeline sees of its run: where to send what it makes, and how it may end."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from servicekit.json_types import JsonObject

from generation_service.dashscope.attempts import AttemptLog


class RunContext(Protocol):
    """The run, as its pipeline sees it."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def workspace_id(self) -> str:
        """Whose run it is."""

    @property
    def attempts(self) -> AttemptLog:
        """Where every call to a provider is noted before it is made."""

    async def stage(self, name: str, *, reset: bool = False) -> None:
        """Say that a new part of the work begins; `reset` takes back all text sent so far."""

    async def delta(self, text: str) -> None:
        """Send a piece of the text that the run makes."""


Job: TypeAlias = Callable[[RunContext], Awaitable[JsonObject]]
"""A pipeline with its input: gives the result, raises `SphereError` to fail and `Rejected` to refuse."""


class Rejected(Exception):
    """The input or what came out of it is refused; the run ends `rejected`.

    Attributes:
        code: stable snake_case word, the `reason` of the run's error.
        message: one English sentence that says what to do.
        detail: what exactly is at fault, one object each.
    """

    def __init__(self, code: str, message: str, detail: Sequence[JsonObject] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = tuple(detail)
