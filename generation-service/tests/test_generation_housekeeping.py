from datetime import timedelta
from typing import Any

from generation_service.__main__ import PURGES
from promptsphere.generation.v1 import runs_pb2
from servicekit.db.schema import now
from servicekit.housekeeping import purge_expired
from servicekit.idempotency import IdempotencyKey
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession


async def test_the_key_of_a_run_is_kept_until_it_expires(instance: Any) -> None:
    caller = (*instance.me(), ("x-idempotency-key", "k-12345678"), ("x-request-hash", "ab" * 32))
    request = runs_pb2.CreateRunRequest(generate=runs_pb2.GenerateInput(description="周报助手"))
    await instance.runs.CreateRun(request, metadata=caller)

    async def age(session: AsyncSession) -> None:
        await session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.workspace_id == instance.workspace_id)
            .values(expires_at=now() - timedelta(seconds=1))
        )

    early = await purge_expired(instance.database, PURGES)
    await instance.database.write(age)
    due = await purge_expired(instance.database, PURGES)

    assert (early, due) == (0, 1)
