import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from auth_service.api_keys import live_record as key_record
from auth_service.live_records.models import LiveRecordChange
from auth_service.live_records.publishing import LiveRecords
from auth_service.sessions import families
from auth_service.sessions import live_record as session_record
from auth_service.workspaces import rules as workspaces
from auth_service_testing import PASSWORD, Rig, running_auth, settings_for
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc, sessions_pb2, sessions_pb2_grpc
from redis.asyncio import Redis
from servicekit.auth import live_sessions
from servicekit.auth.identity import Role
from servicekit.auth.live_sessions import LiveRecord
from servicekit.auth.tokens import KeyRing
from servicekit.redis.client import GuardedRedis, RedisUnavailable
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]

READERS = (partial(session_record.read, idle=timedelta(days=7)), key_record.read)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def session_id_of(rig: Rig, tokens: accounts_pb2.Tokens) -> str:
    keys: KeyRing = rig.running.keys
    return (await keys.verify(tokens.access_token)).actor.session_id


async def record_in(redis: Redis, subject_id: str) -> LiveRecord | None:
    return live_sessions.decode(await redis.get(live_sessions.key(subject_id)))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - it lies in Redis and the database
            await asyncio.sleep(0.01)


async def unconfirmed(rig: Rig) -> int:
    async with rig.database.engine.connect() as connection:
        return await connection.scalar(select(func.count()).select_from(LiveRecordChange)) or 0


async def is_confirmed(rig: Rig) -> bool:
    return await unconfirmed(rig) == 0


async def test_a_check_leaves_the_record_for_the_next_reader(rig: Rig, redis: Redis, sign_up: SignUp) -> None:
    tokens = await sign_up()
    session_id = await session_id_of(rig, tokens)
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)

    answer = await sessions.CheckSession(sessions_pb2.CheckSessionRequest(id=session_id), metadata=rig.as_gateway())

    record = await record_in(redis, session_id)
    assert record == LiveRecord("live", answer.version, {tokens.workspace.id: "admin"})
    assert dict(answer.roles) == {tokens.workspace.id: "admin"}
    assert 0 < await redis.pttl(live_sessions.key(session_id)) <= 30_000


async def test_a_logout_reaches_redis_and_is_confirmed(rig: Rig, redis: Redis, sign_up: SignUp) -> None:
    tokens = await sign_up()
    session_id = await session_id_of(rig, tokens)
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    check = sessions_pb2.CheckSessionRequest(id=session_id)
    await sessions.CheckSession(check, metadata=rig.as_gateway())

    await sessions.Logout(sessions_pb2.LogoutRequest(), metadata=rig.as_gateway(access_token=tokens.access_token))

    async def is_revoked() -> bool:
        record = await record_in(redis, session_id)
        return record is not None and record.state == "revoked"

    await until(is_revoked)
    await until(partial(is_confirmed, rig))


async def test_a_late_fill_does_not_bring_a_revoked_session_back(rig: Rig, redis: Redis, sign_up: SignUp) -> None:
    guarded = GuardedRedis(rig.running.settings.redis_url)
    records = LiveRecords(rig.database, guarded, READERS, clock=rig.clock)
    session_id = await session_id_of(rig, await sign_up())
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    stale = await records.check(session_id)  # read before the revocation, to be written after it
    await rig.database.write(
        lambda session: _end(session, session_id, rig),
    )
    while await records.publish():
        pass

    await records._write(session_id, stale)
    await guarded.close()

    record = await record_in(redis, session_id)
    assert record is not None
    assert record.state == "revoked"
    assert record.version > stale.version
    answer = await sessions.CheckSession(sessions_pb2.CheckSessionRequest(id=session_id), metadata=rig.as_gateway())
    assert answer.state == sessions_pb2.CheckSessionResponse.STATE_REVOKED


async def test_a_lowered_and_a_removed_member_are_seen_in_the_record(rig: Rig, redis: Redis, sign_up: SignUp) -> None:
    host, guest = await sign_up(), await sign_up()
    session_id = await session_id_of(rig, guest)
    workspace_id, user_id = host.workspace.id, guest.user.id
    lower = partial(workspaces.change_role, workspace_id=workspace_id, user_id=user_id, now=rig.clock())
    add = partial(workspaces.add_member, workspace_id=workspace_id, user_id=user_id, now=rig.clock())
    remove = partial(workspaces.remove_member, workspace_id=workspace_id, user_id=user_id, now=rig.clock())

    async def role_in_redis() -> str | None:
        record = await record_in(redis, session_id)
        return None if record is None else record.roles.get(host.workspace.id, "none")

    seen = []
    for change in (
        partial(add, role=Role.EDITOR),
        partial(lower, role=Role.VIEWER),
        remove,
    ):
        before = await role_in_redis()
        await rig.database.write(change)

        async def has_changed(before: str | None = before) -> bool:
            return await role_in_redis() not in {None, before}

        await until(has_changed)
        seen.append(await role_in_redis())

    assert seen == ["editor", "viewer", "none"]


async def test_a_change_waits_for_redis_to_come_back(rig: Rig, redis_url: str, redis: Redis, sign_up: SignUp) -> None:
    session_id = await session_id_of(rig, await sign_up())
    async with cut_off(redis_url) as (url, restore):
        guarded = GuardedRedis(url)
        records = LiveRecords(rig.database, guarded, READERS, clock=rig.clock)
        # The service's own publisher must not be faster than the one that is cut off.
        await rig.running.tasks.close()
        await rig.database.write(lambda session: _end(session, session_id, rig))

        with pytest.raises(RedisUnavailable):
            await records.publish()
        pending_while_away = await unconfirmed(rig)
        answer_while_away = await records.check(session_id)
        await restore()
        publishing = asyncio.create_task(records.keep_published())

        await until(partial(is_confirmed, rig))
        publishing.cancel()
        await guarded.close()

    record = await record_in(redis, session_id)
    assert pending_while_away >= 1
    assert answer_while_away.state == "revoked"
    assert record is not None
    assert record.state == "revoked"


async def _end(session: AsyncSession, session_id: str, rig: Rig) -> None:
    family = await families.lock(session, session_id)
    assert family is not None
    families.end(session, family, reason="ended", now=rig.clock())


@asynccontextmanager
async def cut_off(redis_url: str) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """A way to Redis through a port that refuses until it is restored."""
    target = urlsplit(redis_url)
    servers: list[asyncio.Server] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(target.hostname, target.port)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])

    async def restore() -> None:
        servers.append(await asyncio.start_server(relay, "127.0.0.1", port))

    try:
        yield f"redis://127.0.0.1:{port}/0", restore
    finally:
        for server in servers:
            server.close()


async def test_no_fill_that_races_a_logout_survives_it(rig: Rig, redis: Redis, sign_up: SignUp) -> None:
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    for _ in range(30):
        tokens = await sign_up()
        session_id = await session_id_of(rig, tokens)
        check = sessions_pb2.CheckSessionRequest(id=session_id)
        owner = rig.as_gateway(access_token=tokens.access_token)

        await asyncio.gather(
            *(sessions.CheckSession(check, metadata=rig.as_gateway()) for _ in range(8)),
            sessions.Logout(sessions_pb2.LogoutRequest(), metadata=owner),
        )
        await until(partial(is_confirmed, rig))

        record = await record_in(redis, session_id)
        assert record is not None
        assert record.state == "revoked"


async def test_without_any_redis_nothing_waits_to_be_told(database_url: str, tmp_path: Path) -> None:
    async with running_auth(settings_for(database_url, tmp_path)) as lone:
        accounts = accounts_pb2_grpc.AccountsServiceStub(lone.channel)
        sessions = sessions_pb2_grpc.SessionsServiceStub(lone.channel)
        request = accounts_pb2.RegisterRequest(email="a@example.com", password=PASSWORD, display_name="A")
        tokens = (await accounts.Register(request, metadata=lone.as_gateway())).tokens
        check = sessions_pb2.CheckSessionRequest(id=await session_id_of(lone, tokens))
        logout = sessions_pb2.LogoutRequest(refresh_token=tokens.refresh_token)

        before = await sessions.CheckSession(check, metadata=lone.as_gateway())
        await sessions.Logout(logout, metadata=lone.as_gateway())
        after = await sessions.CheckSession(check, metadata=lone.as_gateway())

        await until(partial(is_confirmed, lone))
        states = sessions_pb2.CheckSessionResponse
        assert (before.state, after.state) == (states.STATE_LIVE, states.STATE_REVOKED)
