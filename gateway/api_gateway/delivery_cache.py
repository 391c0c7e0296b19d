"""Delivered prompts as ready bytes in this process: dropped when a change is announced, and never older than 1.5 s."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from servicekit.errors import NotFound, SphereError
from servicekit.redis.client import GuardedRedis, Message
from servicekit.redis.invalidations import CHANNEL, decode

MAX_AGE_SECONDS: Final = 1.5
MAX_BYTES: Final = 64 * 1024 * 1024
"""Bodies and names held at once; a body may have 256 KiB, a name that isn't there as much as fits a URL."""
ENTRY_BYTES: Final = 1_000
"""What an entry takes beside its body and name, about."""

Key = tuple[str, str, str]
"""Workspace id, prompt name and selector."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A body ready to send, and its entity tag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class _Entry:
    read_at: float
    outcome: Delivered | SphereError

    def size_bytes(self, key: Key) -> int:
        body = len(self.outcome.body) if isinstance(self.outcome, Delivered) else 0
        return ENTRY_BYTES + body + 4 * sum(map(len, key))


class DeliveryCache:
    """Answers from memory, reads once however many ask, and forgets on announcement."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._held_bytes = 0
        self._reads: dict[Key, asyncio.Task[Delivered]] = {}

    def held(self, key: Key) -> Delivered | None:
        """What is held and young enough.

        Raises:
            NotFound: it was asked for a moment ago and isn't there.
        """
        entry = self._entries.get(key)
        if entry is None or time.monotonic() - entry.read_at >= MAX_AGE_SECONDS:
            return None
        if isinstance(entry.outcome, SphereError):
            raise entry.outcome.with_traceback(None)  # or it would grow each time
        return entry.outcome

    async def read(self, key: Key, load: Callable[[], Awaitable[bytes]]) -> Delivered:
        """What `load` says is delivered, shared by all who ask meanwhile.

        Raises:
            SphereError: whatever `load` raises; a NotFound is remembered like an answer.
        """
        read = self._reads.get(key)
        if read is None:
            read = asyncio.get_running_loop().create_task(self._load(key, load), name="delivery-read")
            self._reads[key] = read
            read.add_done_callback(lambda done: self._finished(key, done))
        return await asyncio.shield(read)

    def forget(self, workspace_id: str, names: Iterable[str] | None = None) -> None:
        """Prompts changed (all of a workspace when `names` is None): drop what is held of them.

        A read that began before is neither kept nor joined by those who ask from now on.
        """
        wanted = None if names is None else frozenset(names)

        def is_stale(key: Key) -> bool:
            return key[0] == workspace_id and (wanted is None or key[1] in wanted)

        for key in filter(is_stale, list(self._entries)):
            self._drop(key)
        for key in filter(is_stale, list(self._reads)):
            del self._reads[key]

    def clear(self) -> None:
        """Forget everything: announcements may have been missed."""
        self._entries.clear()
        self._reads.clear()
        self._held_bytes = 0

    async def follow(self, redis: GuardedRedis) -> None:
        """Hear announcements for ever."""
        async with aclosing(redis.subscriber(CHANNEL)) as messages:
            async for message in messages:
                if isinstance(message, Message):
                    changed = decode(message.data)
                    if changed is None:
                        self.clear()
                    else:
                        self.forget(changed.workspace_id, changed.names)
                else:
                    self.clear()

    async def _load(self, key: Key, load: Callable[[], Awaitable[bytes]]) -> Delivered:
        started = time.monotonic()
        current = asyncio.current_task()
        try:
            body = await load()
        except NotFound as missing:
            self._keep(key, _Entry(started, missing), current)
            raise
        delivered = Delivered(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        self._keep(key, _Entry(started, delivered), current)
        return delivered

    def _keep(self, key: Key, entry: _Entry, reader: asyncio.Task[object] | None) -> None:
        if self._reads.get(key) is not reader:
            return  # announced as changed while it was read
        if key in self._entries:
            self._drop(key)
        self._held_bytes += entry.size_bytes(key)
        while self._entries and self._held_bytes > MAX_BYTES:
            self._drop(next(iter(self._entries)))
        self._entries[key] = entry

    def _drop(self, key: Key) -> None:
        self._held_bytes -= self._entries.pop(key).size_bytes(key)

    def _finished(self, key: Key, read: asyncio.Task[Delivered]) -> None:
        if self._reads.get(key) is read:
            del self._reads[key]
        if not read.cancelled():
            read.exception()  # seen here when everyone who asked has left
