import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import argon2
import jwt
import pytest
from auth_service.accounts.passwords import HASHES
from auth_service.users.models import User
from auth_service_testing import PASSWORD, Rig, reason_of, refusal_of, running_auth, settings_for
from google.protobuf.field_mask_pb2 import FieldMask
from promptsphere.auth.v1 import accounts_pb2, accounts_pb2_grpc, sessions_pb2, sessions_pb2_grpc
from servicekit.audit import AuditEvent
from sqlalchemy import func, select, update

Accounts: TypeAlias = "accounts_pb2_grpc.AccountsServiceAsyncStub"
SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]


@pytest.fixture
def accounts(rig: Rig) -> Accounts:
    return accounts_pb2_grpc.AccountsServiceStub(rig.channel)


async def actions(rig: Rig) -> list[str]:
    async with rig.database.engine.connect() as connection:
        rows = await connection.execute(select(AuditEvent.action).order_by(AuditEvent.id))
        return list(rows.scalars())


async def test_registering_gives_tokens_and_a_personal_workspace(rig: Rig, sign_up: SignUp) -> None:
    tokens = await sign_up(email="Li.Lei@Example.COM", name="李雷")

    assert tokens.user.email == "li.lei@example.com"
    assert (tokens.workspace.name, tokens.workspace.role) == ("李雷的工作区", "admin")
    assert tokens.expires_in == 600
    assert tokens.refresh_expires_in == 7 * 86400
    header = jwt.get_unverified_header(tokens.access_token)
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert (await actions(rig)) == ["account.register"]


async def test_the_workspace_of_an_english_speaker_has_an_english_name(sign_up: SignUp) -> None:
    tokens = await sign_up(name="n" * 200, locale="en")

    assert tokens.workspace.name.endswith("n's workspace")
    assert len(tokens.workspace.name) == 200


async def test_fifty_registrations_of_one_address_make_one_account(rig: Rig, accounts: Accounts) -> None:
    request = accounts_pb2.RegisterRequest(email="one@example.com", password=PASSWORD, display_name="One")

    async def register() -> str:
        call = accounts.Register(request, metadata=rig.as_gateway())
        try:
            await call
        except Exception:  # noqa: BLE001 - looked at below
            return await reason_of(call)
        return "created"

    outcomes = await asyncio.gather(*(register() for _ in range(50)))

    assert sorted(set(outcomes)) == ["created", "email_taken"]
    assert outcomes.count("created") == 1
    async with rig.database.engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(User)) == 1


async def test_an_address_differs_by_more_than_case(rig: Rig, accounts: Accounts, sign_up: SignUp) -> None:
    await sign_up(email="han.mei@example.com")
    again = accounts_pb2.RegisterRequest(email="HAN.Mei@example.com", password=PASSWORD, display_name="x")

    assert await reason_of(accounts.Register(again, metadata=rig.as_gateway())) == "email_taken"


async def test_every_wrong_field_of_a_registration_is_named(rig: Rig, accounts: Accounts) -> None:
    wrong = accounts_pb2.RegisterRequest(email="nobody", password="short", display_name=" ", locale="fr")

    refusal = await refusal_of(accounts.Register(wrong, metadata=rig.as_gateway()))

    assert refusal.reason == "invalid_request"
    assert {one.pointer for one in refusal.violations} == {
        "/email",
        "/password",
        "/display_name",
        "/locale",
    }


async def test_login_needs_the_right_password_and_does_not_tell_who_exists(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    await sign_up(email="known@example.com")
    good = accounts_pb2.LoginRequest(email="Known@example.com", password=PASSWORD)
    wrong = accounts_pb2.LoginRequest(email="known@example.com", password="wrong" * 4)
    unknown = accounts_pb2.LoginRequest(email="unknown@example.com", password="wrong" * 4)

    answers = [await refusal_of(accounts.Login(one, metadata=rig.as_gateway())) for one in (wrong, unknown)]
    tokens = (await accounts.Login(good, metadata=rig.as_gateway())).tokens

    assert {(one.reason, one.message) for one in answers} == {
        ("invalid_credentials", "The e-mail address or the password is wrong.")
    }
    assert tokens.user.email == "known@example.com"
    assert (await actions(rig)) == [
        "account.register",
        "account.login_failed",
        "account.login_failed",
        "account.login",
    ]


async def test_each_attempt_costs_one_hash_whether_the_account_exists_or_not(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    await sign_up(email="known@example.com")
    for email in ("known@example.com", "unknown@example.com"):
        before = HASHES._value.get()

        request = accounts_pb2.LoginRequest(email=email, password="wrong" * 4)
        await reason_of(accounts.Login(request, metadata=rig.as_gateway()))

        assert HASHES._value.get() == before + 1


async def test_a_sign_in_renews_a_hash_of_other_parameters(rig: Rig, accounts: Accounts, sign_up: SignUp) -> None:
    tokens = await sign_up(email="known@example.com")
    outdated = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with rig.database.engine.begin() as connection:
        await connection.execute(update(User).where(User.id == tokens.user.id).values(password_hash=outdated))
    login = accounts_pb2.LoginRequest(email="known@example.com", password=PASSWORD)

    await accounts.Login(login, metadata=rig.as_gateway())

    async with rig.database.engine.connect() as connection:
        stored = await connection.scalar(select(User.password_hash))
    assert "m=7168,t=1,p=1" in (stored or "")
    assert (await accounts.Login(login, metadata=rig.as_gateway())).tokens.access_token


async def test_registration_can_be_closed(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path).model_copy(update={"registration_open": False})
    request = accounts_pb2.RegisterRequest(email="a@example.com", password=PASSWORD, display_name="A")
    async with running_auth(settings) as closed:
        stub = accounts_pb2_grpc.AccountsServiceStub(closed.channel)

        assert await reason_of(stub.Register(request, metadata=closed.as_gateway())) == "registration_closed"


async def test_waits_grow_and_the_right_password_gets_in_when_the_wait_is_over(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    await sign_up(email="known@example.com")
    metadata = rig.as_gateway(ip="198.51.100.1")  # not where the owner has signed in
    wrong = accounts_pb2.LoginRequest(email="known@example.com", password="wrong" * 4)
    right = accounts_pb2.LoginRequest(email="known@example.com", password=PASSWORD)
    waits = []
    for _ in range(4):
        while (refusal := await refusal_of(accounts.Login(wrong, metadata=metadata))).reason != "rate_limited":
            assert refusal.reason == "invalid_credentials"
        waits.append(refusal.retry_after_seconds or 0)
        assert await reason_of(accounts.Login(right, metadata=metadata)) == "rate_limited"
        rig.clock.advance(seconds=waits[-1])

    tokens = (await accounts.Login(right, metadata=metadata)).tokens

    assert waits == [1, 2, 4, 8]
    assert tokens.user.email == "known@example.com"


async def test_strangers_who_guess_do_not_keep_the_owner_out(rig: Rig, accounts: Accounts, sign_up: SignUp) -> None:
    await sign_up(email="known@example.com")  # from the default address
    wrong = accounts_pb2.LoginRequest(email="known@example.com", password="wrong" * 4)
    right = accounts_pb2.LoginRequest(email="known@example.com", password=PASSWORD)
    for number in range(20):
        await reason_of(accounts.Login(wrong, metadata=rig.as_gateway(ip=f"198.51.100.{number}")))

    elsewhere = await reason_of(accounts.Login(right, metadata=rig.as_gateway(ip="192.0.2.99")))
    at_home = (await accounts.Login(right, metadata=rig.as_gateway())).tokens

    assert elsewhere == "rate_limited"
    assert at_home.user.email == "known@example.com"


async def test_get_me_tells_who_and_where(rig: Rig, accounts: Accounts, sign_up: SignUp) -> None:
    tokens = await sign_up()

    me = await accounts.GetMe(accounts_pb2.GetMeRequest(), metadata=rig.as_gateway(access_token=tokens.access_token))

    assert me.user == tokens.user
    assert me.workspace == tokens.workspace
    assert list(me.workspaces) == [tokens.workspace]


async def test_update_me_changes_what_the_mask_names(rig: Rig, accounts: Accounts, sign_up: SignUp) -> None:
    tokens = await sign_up()
    metadata = rig.as_gateway(access_token=tokens.access_token, if_match="1")
    change = accounts_pb2.UpdateMeRequest(
        user=accounts_pb2.User(display_name=" 韩梅梅 ", locale="en"),
        update_mask=FieldMask(paths=["display_name"]),
    )

    updated = await accounts.UpdateMe(change, metadata=metadata)

    assert (updated.user.display_name, updated.user.locale, updated.user.row_version) == ("韩梅梅", "zh", 2)
    assert await reason_of(accounts.UpdateMe(change, metadata=metadata)) == "stale"


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("email", accounts_pb2.User(email="other@example.com")),
        ("locale", accounts_pb2.User(locale="fr")),
        ("display_name", accounts_pb2.User(display_name="a\nb")),
    ],
)
async def test_update_me_refuses_other_fields_and_wrong_values(
    rig: Rig,
    accounts: Accounts,
    sign_up: SignUp,
    path: str,
    user: accounts_pb2.User,
) -> None:
    metadata = rig.as_gateway(access_token=(await sign_up()).access_token)
    change = accounts_pb2.UpdateMeRequest(user=user, update_mask=FieldMask(paths=[path]))

    refusal = await refusal_of(accounts.UpdateMe(change, metadata=metadata))

    assert refusal.reason == "invalid_request"
    assert [one.pointer for one in refusal.violations] == [f"/{path}"]


async def test_a_new_password_ends_every_other_session_and_is_safe_to_repeat(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    first = await sign_up(email="known@example.com")
    login = accounts_pb2.LoginRequest(email="known@example.com", password=PASSWORD)
    second = (await accounts.Login(login, metadata=rig.as_gateway())).tokens
    metadata = rig.as_gateway(access_token=second.access_token, idempotency_key="change-it-once")
    change = accounts_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="another " * 3)

    await accounts.ChangePassword(change, metadata=metadata)
    await accounts.ChangePassword(change, metadata=metadata)  # the repeat: the stored success

    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    lost = sessions_pb2.RefreshSessionRequest(refresh_token=first.refresh_token)
    kept = sessions_pb2.RefreshSessionRequest(refresh_token=second.refresh_token)
    assert await reason_of(sessions.RefreshSession(lost, metadata=rig.as_gateway())) == "refresh_invalid"
    assert (await sessions.RefreshSession(kept, metadata=rig.as_gateway())).tokens.access_token
    assert await reason_of(accounts.Login(login, metadata=rig.as_gateway())) == "invalid_credentials"


async def test_a_wrong_current_password_is_refused_and_leaves_a_trace(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    metadata = rig.as_gateway(access_token=(await sign_up()).access_token)
    change = accounts_pb2.ChangePasswordRequest(current_password="wrong" * 4, new_password="another " * 3)

    assert await reason_of(accounts.ChangePassword(change, metadata=metadata)) == "invalid_credentials"
    assert (await actions(rig))[-1] == "account.login_failed"


async def test_no_call_works_without_credentials(rig: Rig, accounts: Accounts) -> None:
    calls = (
        accounts.Register(accounts_pb2.RegisterRequest()),
        accounts.Login(accounts_pb2.LoginRequest()),
        accounts.GetMe(accounts_pb2.GetMeRequest(), metadata=rig.as_gateway()),
        accounts.UpdateMe(accounts_pb2.UpdateMeRequest(), metadata=rig.as_gateway()),
        accounts.ChangePassword(accounts_pb2.ChangePasswordRequest(), metadata=rig.as_gateway()),
    )

    assert {await reason_of(call) for call in calls} == {"unauthenticated"}


async def test_wrong_current_passwords_sent_all_at_once_are_not_all_looked_at(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    """A stolen access token must not turn into a password by guessing in parallel."""
    mine = rig.as_gateway(access_token=(await sign_up()).access_token)

    async def guess(number: int) -> str:
        request = accounts_pb2.ChangePasswordRequest(
            current_password=f"wrong password {number}", new_password="another good password"
        )
        return await reason_of(accounts.ChangePassword(request, metadata=mine))

    reasons = await asyncio.gather(*(guess(number) for number in range(30)))

    assert set(reasons) == {"invalid_credentials", "rate_limited"}
    assert reasons.count("invalid_credentials") < 10


async def test_addresses_that_are_canonically_the_same_are_one_account(
    rig: Rig, accounts: Accounts, sign_up: SignUp
) -> None:
    await sign_up(email="H\u0331ans@example.com")
    again = accounts_pb2.RegisterRequest(email="\u1e96ans@example.com", password=PASSWORD, display_name="x")

    assert await reason_of(accounts.Register(again, metadata=rig.as_gateway())) == "email_taken"


@pytest.mark.parametrize("invisible", ["\u200b", "\u202e", "\u2066", "\ufeff", "\u0085"])
async def test_an_address_holds_nothing_that_cannot_be_seen(rig: Rig, accounts: Accounts, invisible: str) -> None:
    """Else two accounts look the same to whoever invites one of them."""
    request = accounts_pb2.RegisterRequest(email=f"bo{invisible}ss@example.com", password=PASSWORD, display_name="Boss")

    refusal = await refusal_of(accounts.Register(request, metadata=rig.as_gateway()))

    assert [one.pointer for one in refusal.violations] == ["/email"]


async def test_an_absurd_login_costs_no_more_than_another(rig: Rig, accounts: Accounts) -> None:
    marks = "\u0301\u0316" * 200_000
    request = accounts_pb2.LoginRequest(email=f"a{marks}@example.com", password=marks)
    started = time.process_time()

    reason = await reason_of(accounts.Login(request, metadata=rig.as_gateway()))

    assert reason == "invalid_credentials"
    assert time.process_time() - started < 2.0
