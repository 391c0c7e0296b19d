"""Who sends a request: tokens, API keys, live records, addresses."""

import asyncio
import time
from typing import Any

import orjson
import pytest
from api_gateway.edge.authentication import Authenticator
from promptsphere.auth.v1 import accounts_pb2, api_keys_pb2, sessions_pb2
from servicekit.auth import live_sessions
from servicekit.auth.tokens import KeyRing
from servicekit.errors import DeadlineExceeded, Internal, Unauthenticated, Unavailable
from servicekit.redis.client import GuardedRedis
from starlette.requests import HTTPConnection

PROMPTS = "/api/v1/prompts"
ME = "/api/v1/me"


def connection(peer: str | None, *forwarded: str, scheme: str = "http", proto: str | None = None) -> HTTPConnection:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    if proto is not None:
        headers.append((b"x-forwarded-proto", proto.encode()))
    client = None if peer is None else (peer, 1)
    return HTTPConnection({"type": "http", "client": client, "headers": headers, "scheme": scheme})


def authenticator(trusted_proxies: int) -> Authenticator:
    nothing: Any = None
    return Authenticator(KeyRing(), nothing, nothing, trusted_proxies=trusted_proxies)


@pytest.mark.parametrize(
    ("trusted_proxies", "peer", "forwarded", "expected"),
    [
        (0, "198.51.100.1", ["1.2.3.4"], "198.51.100.1"),
        (1, "10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        (1, "10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        (1, "10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        (2, "10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.9"], "1.2.3.4"),
        (2, "10.0.0.1", ["1.2.3.4"], "10.0.0.1"),
        (1, "10.0.0.1", [], "10.0.0.1"),
        (1, "10.0.0.1", ["unknown"], "10.0.0.1"),
        (1, "10.0.0.1", ["1.2.3.4, "], "10.0.0.1"),
        (1, "10.0.0.1", ["::FFFF:1.2.3.4"], "1.2.3.4"),
        (1, "10.0.0.1", ["2001:DB8::0:1"], "2001:db8::1"),
        (0, "::ffff:1.2.3.4", [], "1.2.3.4"),
        (0, None, ["1.2.3.4"], ""),
    ],
)
def test_the_address_is_the_nth_from_the_right_behind_n_proxies_of_ours(
    trusted_proxies: int, peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert authenticator(trusted_proxies).client_ip(connection(peer, *forwarded)) == expected


@pytest.mark.parametrize(
    ("trusted_proxies", "scheme", "proto", "expected"),
    [(0, "http", "https", False), (1, "http", "https", True), (1, "http", "http", False), (1, "https", None, True)],
)
def test_tls_before_a_proxy_is_believed_from_a_proxy_of_ours(
    trusted_proxies: int, scheme: str, proto: str | None, expected: Any
) -> None:
    assert authenticator(trusted_proxies).is_https(connection("10.0.0.1", scheme=scheme, proto=proto)) is expected


async def test_a_live_session_is_asked_for_once_a_second(gateway: Any) -> None:
    headers = gateway.user()

    answers = await asyncio.gather(*(gateway.ask("GET", PROMPTS, headers=headers) for _ in range(50)))

    assert {status for status, _, _ in answers} == {200}
    assert len(gateway.services.arrived["CheckSession"]) == 1


async def test_a_revoked_session_is_refused_within_two_seconds(gateway: Any) -> None:
    headers = gateway.user()
    assert (await gateway.ask("GET", PROMPTS, headers=headers))[0] == 200
    revoked = time.monotonic()
    gateway.services.sessions["s1"] = sessions_pb2.CheckSessionResponse(
        state=sessions_pb2.CheckSessionResponse.STATE_REVOKED, version=2
    )

    async with asyncio.timeout(2):
        while (await gateway.ask("GET", PROMPTS, headers=headers))[0] == 200:  # noqa: ASYNC110 - time does it
            await asyncio.sleep(0.02)

    status, answered, body = await gateway.ask("GET", PROMPTS, headers=headers)
    assert (status, body["code"]) == (401, "unauthenticated")
    assert answered["WWW-Authenticate"]
    assert time.monotonic() - revoked < 2


async def test_a_role_that_changed_makes_the_token_stale(gateway: Any) -> None:
    headers = gateway.user(role="admin")
    gateway.live("s1", role="viewer", version=2)

    status, _, body = await gateway.ask("GET", PROMPTS, headers=headers)

    assert (status, body["code"]) == (401, "token_stale")


@pytest.mark.parametrize(
    "failure", [Unavailable("x"), DeadlineExceeded("x"), Internal("x"), Unauthenticated("our credential is wrong")]
)
async def test_what_cannot_be_checked_is_503_never_401(gateway: Any, failure: Exception) -> None:
    gateway.services.does["CheckSession"] = lambda _: failure

    status, headers, body = await gateway.ask("GET", PROMPTS, headers=gateway.user())

    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "1")


async def test_redis_answers_before_auth_service_is_asked(start: Any, redis_url: str) -> None:
    redis = GuardedRedis(redis_url, timeout_seconds=1)
    record = live_sessions.encode(live_sessions.LiveRecord("live", 1, {"w1": "editor"}))
    entry = b"%d " % record.version + orjson.dumps(record.value)
    await redis.run(lambda client: client.set("sess:s1", entry))

    async with start(redis_url=redis_url, redis_timeout_seconds=1) as gateway:
        status, _, _ = await gateway.ask("GET", PROMPTS, headers=gateway.user())

        assert status == 200
        assert gateway.services.arrived["CheckSession"] == []
    await redis.close()


async def test_without_redis_auth_service_is_asked(start: Any, unused_tcp_port: int) -> None:
    async with start(redis_url=f"redis://127.0.0.1:{unused_tcp_port}") as gateway:
        assert (await gateway.ask("GET", PROMPTS, headers=gateway.user()))[0] == 200
        assert len(gateway.services.arrived["CheckSession"]) == 1


class Keys:
    """auth-service's side of API keys: which secret is good, and the version of the key's record."""

    def __init__(self, gateway: Any, *, scopes: Any = ("read",), allowed_ips: Any = ()) -> None:
        self._gateway = gateway
        self.good = "psk_first"
        self.version = 1
        self.scopes, self.allowed_ips = scopes, allowed_ips
        gateway.services.does["ExchangeApiKey"] = self.exchange
        gateway.live("k1")

    def rotate(self, secret: str) -> None:
        self.good, self.version = secret, self.version + 1
        self._gateway.live("k1", version=self.version)

    def exchange(self, request: api_keys_pb2.ExchangeApiKeyRequest) -> Any:
        if request.key != self.good:
            return Unauthenticated("This API key is not valid.")
        pairs = self._gateway.testbed.as_api_key(scopes=self.scopes, workspace_id="w1", key_id="k1", user_id="u1")
        return api_keys_pb2.ExchangeApiKeyResponse(
            access_token=pairs[0][1].removeprefix("Bearer "),
            allowed_ips=self.allowed_ips,
            record_version=self.version,
        )


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def test_an_api_key_is_exchanged_once(gateway: Any) -> None:
    Keys(gateway)

    for _ in range(5):
        assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_first")))[0] == 200

    ((_, call),) = gateway.services.arrived["ExchangeApiKey"]
    assert call.client_ip == "127.0.0.1"
    assert gateway.services.arrived["ListPrompts"][0][1].actor.kind == "api_key"


async def test_a_bad_api_key_is_401(gateway: Any) -> None:
    Keys(gateway)

    assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_wrong")))[0] == 401


async def test_the_old_secret_of_a_rotated_key_ends_even_when_its_record_was_not_seen_before(gateway: Any) -> None:
    keys = Keys(gateway)
    answer = keys.exchange(api_keys_pb2.ExchangeApiKeyRequest(key="psk_first"))

    def exchange_then_rotate(_request: object) -> Any:
        gateway.services.does["ExchangeApiKey"] = keys.exchange
        keys.rotate("psk_second")  # between the exchange and the first look at the record
        return answer

    gateway.services.does["ExchangeApiKey"] = exchange_then_rotate

    assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_first")))[0] == 401
    assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_second")))[0] == 200


async def test_a_key_lacking_the_scope_is_403_also_from_the_delivery_cache(gateway: Any) -> None:
    Keys(gateway, scopes=("generate",))
    assert (await gateway.ask("GET", "/api/v1/delivery/a", headers=gateway.user()))[0] == 200

    for path in (PROMPTS, "/api/v1/delivery/a"):
        status, _, body = await gateway.ask("GET", path, headers=bearer("psk_first"))
        assert (status, body["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("allowed", "status"),
    [([], 200), (["127.0.0.0/8"], 200), (["127.0.0.1"], 200), (["203.0.113.0/24"], 403), (["::1"], 403)],
)
async def test_a_key_is_good_from_its_addresses_only(gateway: Any, allowed: list[str], status: int) -> None:
    Keys(gateway, allowed_ips=allowed)

    assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_first")))[0] == status


@pytest.mark.parametrize("failure", [DeadlineExceeded("x"), Internal("x"), Unavailable("x")])
async def test_a_key_that_cannot_be_checked_is_503_never_401(gateway: Any, failure: Exception) -> None:
    gateway.services.does["ExchangeApiKey"] = lambda _: failure

    assert (await gateway.ask("GET", PROMPTS, headers=bearer("psk_first")))[0] == 503


async def test_status_is_for_this_machine_and_for_admins(start: Any) -> None:
    async with start(trusted_proxies=1) as gateway:
        outside, nobody = {"X-Forwarded-For": "198.51.100.4"}, dict[str, str]()
        asked = [
            await gateway.ask("GET", "/statusz", headers=outside | more)
            for more in (nobody, gateway.user(role="editor"), gateway.user(role="admin", session_id="s2"))
        ]
        here = await gateway.ask("GET", "/statusz", headers={"X-Forwarded-For": "127.0.0.1"})

    assert [status for status, _, _ in asked] == [401, 403, 200]
    assert here[0] == 200
    assert here[2]["dependencies"]["auth"]["state"] in {"ok", "down"}


async def test_a_logout_needs_a_session(gateway: Any) -> None:
    assert (await gateway.ask("POST", "/api/v1/auth/logout"))[0] == 401
    assert (await gateway.ask("POST", "/api/v1/auth/logout", headers={"Cookie": "ps_refresh=psr_1"}))[0] == 204

    status, headers, _ = await gateway.ask("POST", "/api/v1/auth/logout", headers=gateway.user())

    ((by_cookie, _), (_, by_token)) = gateway.services.arrived["Logout"]
    assert (status, by_cookie.refresh_token) == (204, "psr_1")
    assert by_token.identity.session_id == "s1"
    assert 'ps_refresh=""' in headers["Set-Cookie"]


@pytest.mark.parametrize("trusted_proxies", [0, 1, 2])
@pytest.mark.parametrize(
    ("said", "believed"),  # by 0, 1 and 2 proxies of ours
    [
        ([], (False, False, False)),
        (["https"], (False, True, True)),
        (["HTTPS"], (False, True, True)),
        (["http"], (False, False, False)),
        (["https", "http"], (False, False, True)),
        (["http", "https"], (False, True, False)),
        (["https, http"], (False, False, True)),
        (["http, https"], (False, True, False)),
        (["https", "http", "http"], (False, False, False)),
        (["http, https", "http"], (False, False, True)),
        (["https,"], (False, False, True)),
        (["httpsx"], (False, False, False)),
    ],
    ids=str,
)
async def test_tls_is_believed_of_a_trusted_front_for_cookie_and_hsts_alike(
    start: Any, trusted_proxies: int, said: list[str], believed: tuple[bool, ...]
) -> None:
    tokens = accounts_pb2.Tokens(refresh_token="psr_1", refresh_expires_in=60)
    async with start(trusted_proxies=trusted_proxies) as gateway:
        gateway.services.does["Login"] = lambda _: accounts_pb2.LoginResponse(tokens=tokens)
        headers = [("X-Forwarded-Proto", one) for one in said] + [("Forwarded", "proto=https")]

        body = {"email": "a", "password": "b"}
        _, answered, _ = await gateway.ask("POST", "/api/v1/auth/login", json=body, headers=headers)

    is_believed = believed[trusted_proxies]
    assert ("Secure" in answered["Set-Cookie"], "Strict-Transport-Security" in answered) == (is_believed, is_believed)
