"""What prompt-service tells every gateway: deliveries under these names are not what they were.

One channel for all, one message for each change: the JSON object `{"workspace_id": "…", "names": ["…"]}`.
A listener drops everything it keeps for (workspace, name), whatever the label or number. A message may be
lost, since Redis may be away: the listener's own bound on age covers that, and after a reconnection it
drops everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis

from servicekit.log import get_logger
from servicekit.redis.client import GuardedRedis, RedisUnavailable

CHANNEL = "invalidations:delivery"

_log = get_logger()


@dataclass(frozen=True, slots=True)
class Invalidation:
    """The names in one workspace whose deliveries have changed."""

    workspace_id: str
    names: frozenset[str]

    def encode(self) -> bytes:
        """As it travels."""
        return orjson.dumps({"workspace_id": self.workspace_id, "names": sorted(self.names)})


def decode(data: bytes) -> Invalidation | None:
    """The message, or None when it is none of ours: then a listener drops everything, to be safe."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    match message:
        case {"workspace_id": str(workspace_id), "names": [*names]} if all(isinstance(n, str) for n in names):
            return Invalidation(workspace_id, frozenset(names))
    return None


async def publish(redis: GuardedRedis, *, workspace_id: str, names: Iterable[str]) -> bool:
    """Tell every gateway, after the change was committed; at most as long as Redis may take.

    Returns False when Redis is away, which is logged and otherwise tolerated.
    """
    message = Invalidation(workspace_id, frozenset(names))
    if not message.names:
        return True
    data = message.encode()

    async def send(client: Redis) -> object:
        return await client.publish(CHANNEL, data)

    try:
        await redis.run(send)
    except RedisUnavailable as error:
        _log.debug("invalidation not sent", cause=str(error))
        return False
    return True
