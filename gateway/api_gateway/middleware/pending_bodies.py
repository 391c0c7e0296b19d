"""Bodies under way: they hold no place among the requests worked on, but are bounded, in all and of one address."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Final

from servicekit.errors import ResourceExhausted, SphereError, Unavailable
from starlette.types import Message

MAX_BYTES: Final = 128 * 1024 * 1024
"""What all bodies under way may hold together."""
RETRY_SECONDS: Final = 2.0


@dataclass(eq=False, slots=True)
class PendingBody:
    """One body: what came of it, and who waits for more."""

    address: str
    received_bytes: int = 0
    waiting: "asyncio.Task[Message] | None" = None
    is_dropped: bool = False


class PendingBodies:
    """All bodies under way. When there are too many, the address that has most loses its oldest.

    Args:
        most: how many in all.
        most_of_one: how many of one address; of one network of 64 bits with IPv6, where each client has that many.
    """

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._count = 0
        self._bytes = 0
        self._by_address: dict[str, dict[PendingBody, None]] = {}

    def enter(self, client_ip: str) -> PendingBody:
        """Count one more body.

        Raises:
            ResourceExhausted: its address has too many under way.
            Unavailable: all have, and none has more than this address.
        """
        address = _network(client_ip)
        own = self._by_address.get(address, {})
        if len(own) >= self._most_of_one:
            raise ResourceExhausted(
                f"More than {self._most_of_one} bodies of your address are under way; finish sending them first.",
                retry_after_seconds=RETRY_SECONDS,
            )
        if self._count >= self._most:
            largest = max(self._by_address.values(), key=len)
            if len(largest) <= len(own):
                raise overloaded()
            self._drop(next(iter(largest)))
        body = PendingBody(address)
        self._by_address.setdefault(address, {})[body] = None
        self._count += 1
        return body

    def leave(self, body: PendingBody) -> None:
        """It has arrived, or won't; leaving twice does nothing."""
        own = self._by_address.get(body.address, {})
        if body not in own:
            return
        del own[body]
        if not own:
            del self._by_address[body.address]
        self._count -= 1
        self._bytes -= body.received_bytes

    async def next_message(self, body: PendingBody, waiting: "asyncio.Task[Message]") -> Message:
        """What `waiting` brings, counted.

        Raises:
            Unavailable: the body was dropped to make room.
        """
        body.waiting = waiting
        try:
            message = await waiting
        except asyncio.CancelledError:
            if body.is_dropped:
                raise overloaded() from None
            raise
        if body.is_dropped:
            raise overloaded()
        body.received_bytes += len(message.get("body", b""))
        self._bytes += len(message.get("body", b""))
        while self._bytes > MAX_BYTES:
            held = max(self._by_address.values(), key=lambda own: sum(one.received_bytes for one in own))
            self._drop(max(held, key=lambda one: one.received_bytes))
        if body.is_dropped:
            raise overloaded()
        return message

    def _drop(self, body: PendingBody) -> None:
        self.leave(body)
        body.is_dropped = True
        if body.waiting is not None:
            body.waiting.cancel()


def overloaded() -> SphereError:
    """The refusal of work that has no place."""
    return Unavailable(
        "The service is busy; try again in a moment.", reason="overloaded", retry_after_seconds=RETRY_SECONDS
    )


def _network(client_ip: str) -> str:
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return client_ip
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else client_ip
