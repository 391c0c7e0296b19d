"""Password hashes: argon2id, one at a time, in a thread of their own.

A hash takes 20 to 30 ms and 19 MiB (OWASP's first choice): more than one at a time would only slow the rest down.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Counter
from servicekit.errors import Violation
from servicekit.normal_form import nfc

from auth_service.accounts.hashing_queue import HashingQueue

T = TypeVar("T")

MIN_CHARS = 12
MAX_CHARS = 128

HASHES = Counter("promptsphere_auth_password_hashes", "Argon2id computations, of any outcome.")


@dataclass(frozen=True, slots=True)
class HashParameters:
    """What one hash costs."""

    memory_kib: int
    iterations: int


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a password fits a hash, and whether that hash was made with other parameters than today's."""

    is_right: bool
    is_outdated: bool


def normalize(password: str) -> str:
    """The password as it is counted and hashed: NFC, so that it is the same typed on any system."""
    return nfc(password)


def check_new(password: str, *, pointer: str) -> list[Violation]:
    """What is wrong with a password to be set: 12 to 128 code points after NFC; nothing else is asked of it."""
    if MIN_CHARS <= len(normalize(password)) <= MAX_CHARS:
        return []
    return [Violation(pointer, f"must have {MIN_CHARS} to {MAX_CHARS} characters")]


class Passwords:
    """Hashes and verifies, inside a turn.

    Args:
        parameters: of new hashes.
        queue_size: how many may wait for their turn.
    """

    def __init__(self, parameters: HashParameters, *, queue_size: int) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=parameters.iterations, memory_cost=parameters.memory_kib, parallelism=1
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")
        self._queue = HashingQueue(queue_size)
        self._stand_in: str | None = None

    async def prepare(self) -> None:
        """Make the hash that stands in where there is none; call it before serving."""
        self._stand_in = await self._in_thread(lambda: self._argon2.hash("nobody has this password"))

    def turn(self, *, suspicion: int = 0) -> AbstractAsyncContextManager[None]:
        """Wait for the thread and hold it; `suspicion` decides who goes first.

        Raises:
            Unavailable: `overloaded`, too many wait.
        """
        return self._queue.turn(suspicion=suspicion)

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password, in PHC form."""
        return await self._in_thread(lambda: self._argon2.hash(normalize(password)))

    async def verify(self, password_hash: str | None, password: str) -> Match:
        """Compare a password with a hash; exactly one hash is computed, also when there is none to compare with."""
        reference = password_hash or self._stand_in
        if reference is None:
            raise RuntimeError("Passwords.prepare was not called")
        is_right = await self._in_thread(lambda: self._matches(reference, normalize(password)))
        return Match(
            is_right=is_right and password_hash is not None,
            is_outdated=self._argon2.check_needs_rehash(reference),
        )

    def close(self) -> None:
        """End the thread; who still waits gets no answer."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _matches(self, reference: str, password: str) -> bool:
        try:
            return self._argon2.verify(reference, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        HASHES.inc()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
