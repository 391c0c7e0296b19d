import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from auth_service.sessions import refresh_tokens
from auth_service.sessions.models import RefreshToken
from auth_service.workspaces import rules as workspaces
from auth_service_testing import PASSWORD, Rig, answer_of, reason_of
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc, sessions_pb2, sessions_pb2_grpc
from servicekit.audit import AuditEvent
from servicekit.auth.identity import Role
from sqlalchemy import func, select

Sessions: TypeAlias = "sessions_pb2_grpc.SessionsServiceAsyncStub"
SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]


@pytest.fixture
def sessions(rig: Rig) -> Sessions:
    return sessions_pb2_grpc.SessionsServiceStub(rig.channel)


async def refresh(rig: Rig, sessions: Sessions, token: str, *, workspace_id: str = "") -> str:
    """The successor of a refresh token, or the reason why there is none."""
    request = sessions_pb2.RefreshSessionRequest(refresh_token=token, workspace_id=workspace_id)
    return await answer_of(
        sessions.RefreshSession(request, metadata=rig.as_gateway()), lambda it: str(it.tokens.refresh_token)
    )


async def state_of(rig: Rig, sessions: Sessions, family_id: str) -> "sessions_pb2.CheckSessionResponse":
    request = sessions_pb2.CheckSessionRequest(id=family_id)
    response: sessions_pb2.CheckSessionResponse = await sessions.CheckSession(request, metadata=rig.as_gateway())
    return response


def family_of(tokens: accounts_pb2.Tokens) -> str:
    presented = refresh_tokens.parse(tokens.refresh_token)
    assert presented is not None
    return presented.family_id


async def test_a_refresh_gives_a_successor_and_the_successor_can_be_refreshed(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    first = (await sign_up()).refresh_token

    second = await refresh(rig, sessions, first)
    third = await refresh(rig, sessions, second)

    assert len({first, second, third}) == 3
    assert all(token.startswith("psr_") for token in (second, third))


async def test_fifty_parallel_refreshes_of_one_token_get_one_successor(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    tokens = await sign_up()

    answers = await asyncio.gather(*(refresh(rig, sessions, tokens.refresh_token) for _ in range(50)))

    assert len(set(answers)) == 1
    async with rig.database.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(RefreshToken)) == 2
    assert (await refresh(rig, sessions, answers[0])).startswith("psr_")


async def test_the_old_token_gets_the_same_successor_until_the_grace_ends(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    first = (await sign_up()).refresh_token
    second = await refresh(rig, sessions, first)

    rig.clock.advance(seconds=9)
    within = await refresh(rig, sessions, first)
    rig.clock.advance(seconds=2)
    after = await refresh(rig, sessions, first)

    assert within == second
    assert after == "refresh_reused"


async def test_reuse_after_the_grace_ends_the_session_and_leaves_its_trace(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    tokens = await sign_up()
    second = await refresh(rig, sessions, tokens.refresh_token)
    rig.clock.advance(seconds=11)

    reused = await refresh(rig, sessions, tokens.refresh_token)

    assert reused == "refresh_reused"
    assert await refresh(rig, sessions, second) == "refresh_reused"
    record = await state_of(rig, sessions, family_of(tokens))
    assert record.state == sessions_pb2.CheckSessionResponse.STATE_REVOKED
    async with rig.database.engine.connect() as connection:
        traces = select(AuditEvent.object_id).where(AuditEvent.action == "session.refresh_reused")
        assert list(await connection.scalars(traces)) == [family_of(tokens)]


async def test_a_grandparent_is_reuse_even_at_once(rig: Rig, sessions: Sessions, sign_up: SignUp) -> None:
    first = (await sign_up()).refresh_token
    second = await refresh(rig, sessions, first)
    third = await refresh(rig, sessions, second)

    assert await refresh(rig, sessions, first) == "refresh_reused"
    assert await refresh(rig, sessions, third) == "refresh_reused"


async def test_a_forged_token_changes_nothing(rig: Rig, sessions: Sessions, sign_up: SignUp) -> None:
    tokens = await sign_up()
    forged = refresh_tokens.make(b"another key" * 4, family_id=family_of(tokens), generation=0)
    cut, garbage = tokens.refresh_token[:-4], "psr_" + "é" * 8

    answers = {await refresh(rig, sessions, token) for token in (forged, cut, garbage, "")}

    assert answers == {"refresh_invalid"}
    assert (await refresh(rig, sessions, tokens.refresh_token)).startswith("psr_")


async def test_a_session_expires_when_idle_and_for_good_after_thirty_days(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    idle, used = (await sign_up()).refresh_token, (await sign_up()).refresh_token
    for _ in range(4):
        rig.clock.advance(seconds=6 * 86_400)
        used = await refresh(rig, sessions, used)
    assert await refresh(rig, sessions, idle) == "refresh_expired"
    rig.clock.advance(seconds=6 * 86_400)

    assert await refresh(rig, sessions, used) == "refresh_expired"


@pytest.mark.slow
async def test_a_refresh_racing_a_logout_never_survives_it(rig: Rig, sessions: Sessions, sign_up: SignUp) -> None:
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)
    await sign_up(email="racer@example.com")
    login = accounts_pb2.LoginRequest(email="racer@example.com", password=PASSWORD)
    for _ in range(100):
        token = (await accounts.Login(login, metadata=rig.as_gateway())).tokens.refresh_token
        logout = sessions_pb2.LogoutRequest(refresh_token=token)

        successor, _ = await asyncio.gather(
            refresh(rig, sessions, token), sessions.Logout(logout, metadata=rig.as_gateway())
        )

        survivor = successor if successor.startswith("psr_") else token
        assert await refresh(rig, sessions, survivor) == "refresh_invalid"


async def test_logout_by_either_token_ends_the_session_and_may_be_repeated(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    by_access, by_refresh = await sign_up(), await sign_up()
    with_access = rig.as_gateway(access_token=by_access.access_token)
    refresh_token = sessions_pb2.LogoutRequest(refresh_token=by_refresh.refresh_token)

    for _ in range(2):
        await sessions.Logout(sessions_pb2.LogoutRequest(), metadata=with_access)
        await sessions.Logout(refresh_token, metadata=rig.as_gateway())

    for tokens in (by_access, by_refresh):
        assert await refresh(rig, sessions, tokens.refresh_token) == "refresh_invalid"
    nothing = sessions.Logout(sessions_pb2.LogoutRequest(), metadata=rig.as_gateway())
    assert await reason_of(nothing) == "unauthenticated"


async def test_a_stale_cookie_does_not_keep_anyone_signed_in(rig: Rig, sessions: Sessions, sign_up: SignUp) -> None:
    tokens = await sign_up()
    stale = sessions_pb2.LogoutRequest(refresh_token="psr_from-another-installation")

    await sessions.Logout(stale, metadata=rig.as_gateway(access_token=tokens.access_token))

    assert await refresh(rig, sessions, tokens.refresh_token) == "refresh_invalid"


async def test_sessions_are_listed_newest_first_in_pages_and_can_be_ended(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)
    owner, stranger = await sign_up(email="many@example.com"), await sign_up()
    login = accounts_pb2.LoginRequest(email="many@example.com", password=PASSWORD)
    others = [(await accounts.Login(login, metadata=rig.as_gateway())).tokens for _ in range(3)]
    metadata = rig.as_gateway(access_token=owner.access_token)

    first = await sessions.ListSessions(sessions_pb2.ListSessionsRequest(limit=3), metadata=metadata)
    rest = await sessions.ListSessions(
        sessions_pb2.ListSessionsRequest(limit=3, cursor=first.next_cursor), metadata=metadata
    )
    foreign = sessions_pb2.DeleteSessionRequest(id=family_of(stranger))
    refused = await reason_of(sessions.DeleteSession(foreign, metadata=metadata))
    mine = sessions_pb2.DeleteSessionRequest(id=family_of(others[0]))
    await sessions.DeleteSession(mine, metadata=metadata)
    ended = await sessions.DeleteOtherSessions(sessions_pb2.DeleteOtherSessionsRequest(), metadata=metadata)

    listed = [*first.items, *rest.items]
    assert [one.id for one in listed] == [family_of(one) for one in [*reversed(others), owner]]
    assert [one.current for one in listed] == [False, False, False, True]
    assert (listed[0].ip, listed[0].user_agent) == ("203.0.113.7", "tests")
    assert refused == "not_found"
    assert ended.ended == 2
    assert await refresh(rig, sessions, others[1].refresh_token) == "refresh_invalid"
    assert (await refresh(rig, sessions, owner.refresh_token)).startswith("psr_")


async def test_switching_needs_a_membership_and_the_next_refresh_keeps_the_choice(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    guest, host = await sign_up(), await sign_up()
    metadata = rig.as_gateway(access_token=guest.access_token)
    switch = sessions_pb2.SwitchWorkspaceRequest(workspace_id=host.workspace.id)
    as_stranger = await reason_of(sessions.SwitchWorkspace(switch, metadata=metadata))
    await rig.database.write(
        lambda session: workspaces.add_member(
            session,
            workspace_id=host.workspace.id,
            user_id=guest.user.id,
            role=Role.VIEWER,
            now=rig.clock(),
        ),
    )

    switched = await sessions.SwitchWorkspace(switch, metadata=metadata)
    request = sessions_pb2.RefreshSessionRequest(refresh_token=guest.refresh_token)
    refreshed = await sessions.RefreshSession(request, metadata=rig.as_gateway())

    assert as_stranger == "not_found"
    assert (switched.workspace.id, switched.workspace.role) == (host.workspace.id, "viewer")
    assert refreshed.tokens.workspace == switched.workspace


async def test_a_refresh_for_a_foreign_workspace_is_refused_and_spends_nothing(
    rig: Rig, sessions: Sessions, sign_up: SignUp
) -> None:
    tokens, stranger = await sign_up(), await sign_up()

    refused = await refresh(rig, sessions, tokens.refresh_token, workspace_id=stranger.workspace.id)

    assert refused == "not_found"
    rig.clock.advance(seconds=60)
    assert (await refresh(rig, sessions, tokens.refresh_token)).startswith("psr_")


async def test_an_ended_session_cannot_switch(rig: Rig, sessions: Sessions, sign_up: SignUp) -> None:
    tokens = await sign_up()
    metadata = rig.as_gateway(access_token=tokens.access_token)
    await sessions.Logout(sessions_pb2.LogoutRequest(), metadata=metadata)

    switch = sessions_pb2.SwitchWorkspaceRequest(workspace_id=tokens.workspace.id)

    assert await reason_of(sessions.SwitchWorkspace(switch, metadata=metadata)) == "unauthenticated"


async def test_an_unknown_session_is_revoked(rig: Rig, sessions: Sessions) -> None:
    record = await state_of(rig, sessions, "00000000-0000-7000-8000-000000000000")

    assert (record.state, record.version) == (sessions_pb2.CheckSessionResponse.STATE_REVOKED, 0)


async def test_no_call_works_without_credentials(rig: Rig, sessions: Sessions) -> None:
    gateway = rig.as_gateway()
    calls = (
        sessions.RefreshSession(sessions_pb2.RefreshSessionRequest()),
        sessions.Logout(sessions_pb2.LogoutRequest()),
        sessions.CheckSession(sessions_pb2.CheckSessionRequest()),
        sessions.SwitchWorkspace(sessions_pb2.SwitchWorkspaceRequest(), metadata=gateway),
        sessions.ListSessions(sessions_pb2.ListSessionsRequest(), metadata=gateway),
        sessions.DeleteSession(sessions_pb2.DeleteSessionRequest(), metadata=gateway),
        sessions.DeleteOtherSessions(sessions_pb2.DeleteOtherSessionsRequest(), metadata=gateway),
    )

    assert {await reason_of(call) for call in calls} == {"unauthenticated"}
