"""The service as it is: its migrations, its servicers behind the real interceptor, a real database and Redis."""

from collections.abc import AsyncIterator

import pytest
from prompt_service.__main__ import register
from prompt_service_testing import PromptService
from servicekit.db import Database
from servicekit.db.paging import CursorSigner
from servicekit.migrations.revisions import script_location
from servicekit.migrations.runner import migrate
from servicekit.redis.client import GuardedRedis
from servicekit.testing.rpc import serving
from servicekit.workers.pool import PoolLimits, open_pool


@pytest.fixture
def schema_url(database_url: str) -> str:
    migrate(database_url, script_location("prompt_service"))
    return database_url


@pytest.fixture
async def service(schema_url: str, redis_url: str) -> AsyncIterator[PromptService]:
    database = Database(schema_url)
    redis = GuardedRedis(redis_url)
    signer = CursorSigner(b"a cursor secret for tests only")
    try:
        async with (
            open_pool(PoolLimits()) as pool,
            serving(
                lambda server: register(server, database=database, redis=redis, signer=signer, pool=pool)
            ) as testbed,
        ):
            yield PromptService(testbed, database)
    finally:
        await redis.close()
        await database.close()
