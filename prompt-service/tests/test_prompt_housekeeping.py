from datetime import timedelta

from prompt_service.__main__ import PURGES
from prompt_service_testing import PromptService
from promptsphere.prompt.v1 import prompts_pb2
from servicekit.db.schema import now
from servicekit.housekeeping import purge_expired
from servicekit.idempotency import IdempotencyKey
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession


async def test_only_expired_idempotency_keys_are_deleted(service: PromptService) -> None:
    for name in ("one", "two"):
        request = prompts_pb2.CreatePromptRequest(name=name)
        await service.prompts.CreatePrompt(request, metadata=service.with_key(f"the-key-of-{name}"))

    fresh = await purge_expired(service.database, PURGES)

    async def age(session: AsyncSession) -> None:
        await session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.workspace_id == service.workspace_id)
            .values(expires_at=now() - timedelta(seconds=1))
        )

    await service.database.write(age)
    assert (fresh, await purge_expired(service.database, PURGES), await purge_expired(service.database, PURGES)) == (
        0,
        2,
        0,
    )
