"""The refresh cookie serves our own pages alone, and goes as it came; bad API keys count against their address."""

from typing import Any

import pytest
from promptsphere.auth.v1 import accounts_pb2, api_keys_pb2, sessions_pb2
from servicekit.errors import Unauthenticated

ALLOWED = "https://app.example.org"
OWN = [
    {},
    {"Origin": "http://gate.example.com"},
    {"Origin": "https://gate.example.com"},
    {"Origin": "https://GATE.example.com:443"},
    {"Origin": ALLOWED, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://gate.example.com.evil.example"},
    {"Origin": "http://evil.example/gate.example.com"},
    {"Origin": "http://gate.example.com@evil.example"},
    {"Origin": "http://gate.example.com:8080"},
    {"Origin": "file://gate.example.com"},
    {"Origin": "http://sub.gate.example.com"},
    {"Origin": "https://app.example.org.evil"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "Cross-Site"},
    {"Sec-Fetch-Site": "odd"},
    {"Origin": "http://gate.example.com", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]
COOKIE = {"Cookie": "ps_refresh=psr_1", "Host": "gate.example.com"}


@pytest.mark.parametrize("path", ["refresh", "logout"])
async def test_the_cookie_is_used_for_our_own_pages_alone(start: Any, path: str) -> None:
    async with start(cors_origins=ALLOWED) as gateway:
        said = [await gateway.ask("POST", f"/api/v1/auth/{path}", headers=COOKIE | one) for one in (*OWN, *FOREIGN)]

        assert [one[0] for one in said] == [200 if path == "refresh" else 204] * len(OWN) + [403] * len(FOREIGN)
        assert {one[2]["code"] for one in said[len(OWN) :]} == {"forbidden"}
        assert len(gateway.services.arrived[{"refresh": "RefreshSession", "logout": "Logout"}[path]]) == len(OWN)


async def test_who_sends_the_token_itself_may_be_anywhere(gateway: Any) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    refreshed = await gateway.ask("POST", "/api/v1/auth/refresh", json={"refresh_token": "psr_1"}, headers=foreign)
    left = await gateway.ask("POST", "/api/v1/auth/logout", headers=gateway.user() | foreign)

    assert (refreshed[0], left[0]) == (200, 204)


@pytest.mark.parametrize("proto", ["http", "https"])
async def test_the_cookie_is_deleted_with_the_attributes_that_it_was_set_with(start: Any, proto: str) -> None:
    tokens = accounts_pb2.Tokens(refresh_token="psr_1", refresh_expires_in=60)
    async with start(trusted_proxies=1) as gateway:
        gateway.services.does["RefreshSession"] = lambda _: sessions_pb2.RefreshSessionResponse(tokens=tokens)
        headers = COOKIE | {"X-Forwarded-Proto": proto}
        _, was_set, _ = await gateway.ask("POST", "/api/v1/auth/refresh", headers=headers)
        _, deleted, _ = await gateway.ask("POST", "/api/v1/auth/logout", headers=headers)

    def attributes(cookie: str) -> set[str]:
        parts = [part.strip() for part in cookie.split(";")[1:]]
        return {part for part in parts if not part.lower().startswith(("max-age", "expires"))}

    assert attributes(was_set["Set-Cookie"]) == attributes(deleted["Set-Cookie"])
    assert "HttpOnly" in attributes(deleted["Set-Cookie"])
    assert "Max-Age=0" in deleted["Set-Cookie"]


@pytest.mark.slow
async def test_300_bad_keys_count_against_their_address_and_good_ones_go_on(start: Any) -> None:
    async with start(trusted_proxies=1, bad_key_rate_per_second=0.1, bad_key_burst=50) as gateway:
        gateway.live("k1")
        pairs = gateway.testbed.as_api_key(scopes=("read",), workspace_id="w1", key_id="k1", user_id="u1")
        good = api_keys_pb2.ExchangeApiKeyResponse(access_token=pairs[0][1].removeprefix("Bearer "), record_version=1)
        bad = Unauthenticated("This API key is not valid.")
        gateway.services.does["ExchangeApiKey"] = lambda request: good if request.key == "psk_good" else bad

        async def ask(key: str, address: str) -> Any:
            headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
            return await gateway.ask("GET", "/api/v1/prompts", headers=headers)

        said = [await ask(f"psk_{number}", "198.51.100.1") for number in range(300)]
        others = [(await ask(*one))[0] for one in (("psk_good", "198.51.100.1"), ("psk_x", "198.51.100.2"))]

    statuses = [one[0] for one in said]
    assert 50 <= statuses.count(401) <= 60
    assert statuses.count(401) + statuses.count(429) == 300
    assert (said[-1][2]["code"], int(said[-1][1]["Retry-After"]) > 0) == ("rate_limited", True)
    assert others == [200, 401]
