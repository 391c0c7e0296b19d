import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextvars import copy_context
from datetime import timedelta

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from servicekit import idempotency
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.db.kit_tables import KitTable
from servicekit.db.schema import DeclarativeBase, Id, adopt, new_metadata, now
from servicekit.errors import Aborted, InvalidArgument, NotFound
from servicekit.idempotency import IdempotencyKey, once
from servicekit.ids import new_id
from servicekit.rpc.call import Call, enter_call
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column


class Table(DeclarativeBase):
    metadata = new_metadata()


class Thing(Table):
    __tablename__ = "things"

    id: Mapped[str] = mapped_column(Id, primary_key=True)


adopt(Table.metadata, IdempotencyKey)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def keyed(call: Call) -> Call:
    call.idempotency_key = "key-12345678"
    call.request_hash = "ab" * 32
    return call


async def create(session: AsyncSession) -> StringValue:
    thing = Thing(id=new_id())
    session.add(thing)
    return StringValue(value=thing.id)


async def called(database: Database, call: Call) -> str:
    """What `once` answers in an RPC of its own."""

    async def run() -> str:
        enter_call(call)
        return (await once(database, StringValue, create)).value

    return await asyncio.create_task(run(), context=copy_context())


async def things(database: Database) -> int:
    async def count(session: AsyncSession) -> int:
        return (await session.scalar(select(func.count()).select_from(Thing))) or 0

    return await database.read(count)


async def test_a_repeat_gets_the_same_answer_and_says_so(database: Database, keyed: Call) -> None:
    repeated = dataclasses.replace(keyed)

    first, again = await called(database, keyed), await called(database, repeated)

    assert again == first
    assert (keyed.is_replay, repeated.is_replay) == (False, True)
    assert await things(database) == 1


async def test_a_hundred_at_once_do_it_once(database: Database, keyed: Call) -> None:
    calls = [dataclasses.replace(keyed) for _ in range(100)]

    answers = await asyncio.gather(*(called(database, each) for each in calls))

    assert len(set(answers)) == 1
    assert [each.is_replay for each in calls].count(False) == 1
    assert await things(database) == 1


async def test_another_body_under_the_key_is_refused(database: Database, keyed: Call) -> None:
    await called(database, keyed)

    with pytest.raises(InvalidArgument) as refused:
        await called(database, dataclasses.replace(keyed, request_hash="cd" * 32))

    assert refused.value.reason == "idempotency_mismatch"
    assert await things(database) == 1


async def test_the_key_of_another_actor_workspace_or_rpc_is_another_key(
    database: Database, keyed: Call, actor: Actor
) -> None:
    others = [
        keyed,
        dataclasses.replace(keyed, identity=dataclasses.replace(actor, id=new_id())),
        dataclasses.replace(keyed, identity=dataclasses.replace(actor, kind="api_key")),
        dataclasses.replace(keyed, identity=dataclasses.replace(actor, workspace_id=new_id())),
        dataclasses.replace(keyed, method="/test.v1.Things/CopyThing"),
        dataclasses.replace(keyed, idempotency_key="key-12345679"),
    ]

    answers = [await called(database, each) for each in others]

    assert len(set(answers)) == len(others)


async def test_a_call_without_key_or_actor_is_done_each_time(database: Database, keyed: Call) -> None:
    for each in (
        dataclasses.replace(keyed, idempotency_key=None),
        dataclasses.replace(keyed, identity=None),
    ):
        assert await called(database, each) != await called(database, each)


async def test_what_failed_may_be_tried_again(database: Database, keyed: Call) -> None:
    async def fail(session: AsyncSession) -> StringValue:
        await create(session)
        raise NotFound("Nothing is here.")

    with pytest.raises(NotFound):
        await once(database, StringValue, fail)

    await called(database, keyed)
    assert not keyed.is_replay
    assert await things(database) == 1


async def test_many_repeats_of_what_fails_first_still_do_it_once(database: Database, keyed: Call) -> None:
    """The one who inserted the key rolls back while others wait for it: one of those takes over."""
    calls = [dataclasses.replace(keyed) for _ in range(15)]
    others_wait = asyncio.Event()

    async def fail(_session: AsyncSession) -> StringValue:
        await others_wait.wait()
        raise NotFound("Nothing is here.")

    failing = asyncio.create_task(once(database, StringValue, fail))
    tasks = [asyncio.create_task(called(database, each)) for each in calls]
    await asyncio.sleep(0)
    others_wait.set()
    with pytest.raises(NotFound):
        await failing

    assert len(set(await asyncio.gather(*tasks))) == 1
    assert await things(database) == 1


@pytest.mark.slow
async def test_a_repeat_whose_first_takes_too_long_is_told_to_come_back(
    database: Database, database_url: str, keyed: Call
) -> None:
    """The first is at work in another process."""
    elsewhere = Database(database_url)
    at_work, finish = asyncio.Event(), asyncio.Event()

    async def slow(session: AsyncSession) -> StringValue:
        answer = await create(session)
        at_work.set()
        await finish.wait()
        return answer

    first = asyncio.create_task(once(elsewhere, StringValue, slow))
    await at_work.wait()
    with pytest.raises(Aborted) as refused:
        await called(database, dataclasses.replace(keyed))
    finish.set()
    await first
    await elsewhere.close()

    assert refused.value.reason == "in_progress"
    assert await things(database) == 1


async def test_a_secret_can_be_kept_out_of_what_is_stored(database: Database, keyed: Call) -> None:
    def redacted(_answer: StringValue) -> StringValue:
        return StringValue(value="***")

    first = await once(database, StringValue, create, stored=redacted)
    again = await once(database, StringValue, create, stored=redacted)

    assert first.value != "***"
    assert again.value == "***"
    assert keyed.is_replay


async def end_all_keys(database: Database, actor: Actor) -> None:
    async def end(session: AsyncSession) -> None:
        await session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.workspace_id == actor.workspace_id)
            .values(expires_at=now() - timedelta(seconds=1))
        )

    await database.write(end)


async def test_after_a_day_the_key_is_new_again(database: Database, keyed: Call, actor: Actor) -> None:
    first = await called(database, keyed)
    await end_all_keys(database, actor)

    again = await called(database, dataclasses.replace(keyed, request_hash="cd" * 32))

    assert again != first
    assert not keyed.is_replay


async def test_expired_keys_are_purged_in_batches_and_others_stay(
    database: Database, keyed: Call, actor: Actor
) -> None:
    for number in range(5):
        await called(database, dataclasses.replace(keyed, idempotency_key=f"key-{number}-678"))
    await end_all_keys(database, actor)
    await called(database, keyed)

    purged = [await database.write(lambda session: idempotency.purge(session, limit=2)) for _ in range(4)]

    assert purged == [2, 2, 1, 0]
    await called(database, keyed)
    assert keyed.is_replay


def test_the_table_is_adopted_as_the_kit_declares_it() -> None:
    assert Table.metadata.tables["idempotency_keys"].c.keys() == KitTable.metadata.tables["idempotency_keys"].c.keys()


async def test_a_key_taken_anew_while_it_is_purged_stays(
    database: Database, database_url: str, keyed: Call, actor: Actor
) -> None:
    await called(database, keyed)
    await end_all_keys(database, actor)
    elsewhere = Database(database_url)
    at_work, finish = asyncio.Event(), asyncio.Event()

    async def slow(session: AsyncSession) -> StringValue:
        answer = await create(session)
        at_work.set()
        await finish.wait()
        return answer

    anew = asyncio.create_task(once(elsewhere, StringValue, slow))
    await at_work.wait()
    purging = asyncio.create_task(database.write(idempotency.purge))
    if database.dialect == "mysql":  # SQLite lets the purge begin only after the other has ended
        await until_somebody_waits_for_a_lock(elsewhere)
    finish.set()
    first = (await anew).value
    await purging
    await elsewhere.close()

    assert await called(database, dataclasses.replace(keyed)) == first


async def until_somebody_waits_for_a_lock(database: Database) -> None:
    waiting = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
    async with database.engine.connect() as connection:
        while not await connection.scalar(waiting):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
