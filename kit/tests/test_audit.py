from collections.abc import AsyncIterator

import pytest
from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.db.kit_tables import KitTable
from servicekit.errors import NotFound
from servicekit.rpc.call import Call
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(KitTable.metadata.create_all)
    yield database
    await database.close()


async def events(database: Database, workspace_id: str | None) -> list[audit.AuditEvent]:
    async def find(session: AsyncSession) -> list[audit.AuditEvent]:
        condition = audit.AuditEvent.workspace_id == workspace_id
        return list(await session.scalars(select(audit.AuditEvent).where(condition)))

    return await database.read(find)


async def test_a_row_says_who_did_what_from_where(database: Database, call: Call, actor: Actor) -> None:
    call.client_ip = "203.0.113.7"

    async def change(session: AsyncSession) -> None:
        audit.record(session, action="prompt.create", object_type="prompt", object_id="p1", detail={"版本": 1})

    await database.write(change)

    (event,) = await events(database, actor.workspace_id)
    assert (event.action, event.object_type, event.object_id) == ("prompt.create", "prompt", "p1")
    assert (event.actor_kind, event.actor_id, event.actor_name) == ("user", actor.id, "张三")
    assert (event.request_id, event.client_ip, event.detail) == ("request-1", "203.0.113.7", {"版本": 1})
    assert (event.chain_seq, event.mac) == (None, None)


async def test_a_row_goes_when_its_change_does(database: Database, call: Call, actor: Actor) -> None:
    async def fail(session: AsyncSession) -> None:
        audit.record(session, action="prompt.create", object_type="prompt", object_id="p1")
        await session.flush()
        raise NotFound("Nothing is here.")

    with pytest.raises(NotFound):
        await database.write(fail)

    assert call.identity is actor
    assert await events(database, actor.workspace_id) == []


async def test_what_nobody_known_did_is_recorded_too(database: Database, call: Call) -> None:
    call.identity = None

    async def change(session: AsyncSession) -> None:
        audit.record(session, action="session.login_failed", object_type="email_hash", object_id="x")

    await database.write(change)

    (event,) = await events(database, None)
    assert (event.actor_id, event.workspace_id) == (None, None)
