"""A change as every servicer makes one: once for each idempotency key, then announced to the gateways."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message
from servicekit import idempotency
from servicekit.db import Database
from servicekit.redis import invalidations
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.call import current_call
from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R", bound=Message)


async def make(
    database: Database,
    redis: GuardedRedis,
    response_type: type[R],
    unit: Callable[[AsyncSession, set[str]], Awaitable[R]],
) -> R:
    """Run `unit` in one transaction and tell, after its commit, what deliveries it changed.

    Args:
        database: where.
        redis: through which the gateways hear of it; when it is away they find out by the age of what they keep.
        response_type: the message class of the answer.
        unit: gets the session and a set, to which it adds the names of the prompts whose deliveries change. Tried
            again after a deadlock, it adds them again: a name too many costs a gateway one fetch.

    Raises:
        SphereError: what `unit` or `idempotency.once` raises.
    """
    names: set[str] = set()

    async def changing(session: AsyncSession) -> R:
        return await unit(session, names)

    response = await idempotency.once(database, response_type, changing)
    await invalidations.publish(redis, workspace_id=current_call().actor.workspace_id, names=names)
    return response
