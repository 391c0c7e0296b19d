"""Only the vendor client may use a proxy, and only the one that our own setting names."""

import asyncio

import pytest
from generation_service.dashscope.calls import ModelCall, user
from generation_service.dashscope.door import Caller, open_door
from generation_service.dashscope.limits import Limits
from generation_service.dashscope.policy import load_policy
from generation_service.dashscope.wire.transport import Endpoint
from generation_service_testing import MemoryAttempts
from servicekit.errors import SphereError
from servicekit.testing.black_hole import black_hole
from vendor_fakes.dashscope import FakeDashScope

CALL = ModelCall("qwen-plus", (user("Tell me something about careful engineering, please"),), "test")
KEY = "sk-planted-canary"


async def call(endpoint: Endpoint, limits: Limits, rows: MemoryAttempts) -> None:
    async with open_door(endpoint, load_policy(), limits=limits) as door:
        async for _event in door.stream(CALL, Caller(rows)):
            pass


async def test_the_environment_diverts_nothing(
    fake_dashscope: FakeDashScope, short_limits: Limits, rows: MemoryAttempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as hole:
        for name, value in hole.variables.items():
            monkeypatch.setenv(name, value)

        await call(Endpoint(fake_dashscope.base_url, KEY), short_limits, rows)
        # Nor does our own setting, to what is on this machine: a plain request would show the proxy the key.
        own = f"http://127.0.0.1:{hole.port}"
        await call(Endpoint(fake_dashscope.base_url, KEY, own), short_limits, rows)

        assert hole.visitors == []
    assert [row.state for row in rows.ended] == ["succeeded"] * 2


async def test_the_setting_leads_through_the_proxy_which_sees_no_key(
    short_limits: Limits, rows: MemoryAttempts
) -> None:
    heard: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    proxy_url = f"http://me:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(SphereError) as raised:
        await call(Endpoint("https://provider.example/v1", KEY, proxy_url), short_limits, rows)
    server.close()

    assert raised.value.reason == "model_unavailable"
    assert heard[0].startswith(b"CONNECT provider.example:443 ")
    assert b"Proxy-Authorization: Basic " in heard[0]
    assert KEY.encode() not in b"".join(heard)


@pytest.mark.parametrize("proxy_url", ["proxy:3128", "socks5://proxy:1080", "http://", "http://[", "//proxy"])
def test_what_is_no_http_proxy_is_refused(proxy_url: str) -> None:
    with pytest.raises(ValueError, match="PROMPTSPHERE_MODEL_PROXY_URL must look like"):
        Endpoint("https://provider.example/v1", KEY, proxy_url)
