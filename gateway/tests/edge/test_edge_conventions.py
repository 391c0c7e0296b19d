"""What holds on every route."""

import asyncio
import json
from typing import Any

import pytest
from promptsphere.auth.v1 import accounts_pb2
from promptsphere.prompt.v1 import prompts_pb2
from servicekit.errors import Aborted, NotFound, Unauthenticated, Unavailable
from servicekit.rpc.call import current_call

pytestmark = pytest.mark.slow

PROMPTS = "/api/v1/prompts"
MIB = 1024 * 1024


def assert_problem(*given: Any) -> None:
    status, headers, body, expected = given
    assert (status, body["code"]) == expected, body
    assert headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= body.keys()
    assert body["request_id"] == headers["X-Request-Id"]
    assert body["status"] == status


async def test_a_prompt_is_made_with_location_and_etag(gateway: Any) -> None:
    answer = prompts_pb2.CreatePromptResponse(prompt=prompts_pb2.Prompt(id="p1", name="a/b", row_version=3))
    gateway.services.does["CreatePrompt"] = lambda _: answer

    status, headers, body = await gateway.ask("POST", PROMPTS, json={"name": "a/b"}, headers=gateway.user())

    assert (status, headers["Location"], headers["ETag"], body["id"]) == (201, "/api/v1/prompts/p1", '"3"', "p1")
    ((request, call),) = gateway.services.arrived["CreatePrompt"]
    assert (request.name, call.actor.user_id, call.client_ip) == ("a/b", "u1", "127.0.0.1")
    assert call.request_id == headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/api/v1/nothing"),
        ("POST", "/api/v1/prompts/x/nothing"),
        ("GET", "/docs/assets/nothing.js"),
        ("GET", "/docs/assets/../../../etc/passwd"),
        ("GET", "/docs/assets/%2e%2e/%2e%2e/setup.py"),
        ("GET", "/api/v1/prompts/"),
    ],
)
async def test_an_unknown_route_is_a_problem(gateway: Any, method: str, path: str) -> None:
    status, headers, body = await gateway.ask(method, path)

    assert_problem(status, headers, body, (404, "not_found"))
    assert "/docs" in body["detail"]


@pytest.mark.parametrize("method", ["PUT", "HEAD", "TRACE", "DELETE"])
async def test_a_method_that_a_route_has_not_is_405_with_allow(gateway: Any, method: str) -> None:
    status, headers, _ = await gateway.ask(method, "/api/v1/lint")

    assert (status, headers["Allow"]) == (405, "OPTIONS, POST")
    assert headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Basic dTpw"},
        {"Authorization": "Bearer " + "A" * 5000},
        {"Cookie": "ps_refresh=x; access_token=y"},
        {"X-User-Id": "u1", "X-Forwarded-User": "admin"},
    ],
)
async def test_who_is_not_known_gets_401_with_a_challenge(gateway: Any, header: dict[str, str]) -> None:
    status, headers, body = await gateway.ask("GET", PROMPTS, headers=header)

    assert_problem(status, headers, body, (401, "unauthenticated"))
    assert headers["WWW-Authenticate"].startswith("Bearer ")


async def test_two_authorizations_are_none(gateway: Any) -> None:
    given = [("Authorization", gateway.user()["Authorization"]), ("Authorization", "Bearer x")]

    assert_problem(*await gateway.ask("GET", PROMPTS, headers=given), (401, "unauthenticated"))


async def test_401_comes_before_413_and_the_body_is_not_waited_for(gateway: Any) -> None:
    status, headers, body = await gateway.ask("POST", PROMPTS, data=b"x" * (2 * MIB))

    assert_problem(status, headers, body, (401, "unauthenticated"))


async def chunks(size: int) -> Any:
    for _ in range(size // 65536):
        yield b" " * 65536


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
async def test_a_large_body_is_413(gateway: Any, is_chunked: Any) -> None:
    data = chunks(3 * MIB) if is_chunked else b" " * (MIB + 1)

    answer = await gateway.ask(
        "POST", PROMPTS, data=data, headers=gateway.user() | {"Content-Type": "application/json"}
    )

    assert_problem(*answer, (413, "too_large"))
    assert gateway.services.arrived["CreatePrompt"] == []


async def test_a_body_of_exactly_the_limit_is_read(gateway: Any) -> None:
    body = json.dumps({"name": "a"}).encode().ljust(MIB)

    status, _, _ = await gateway.ask(
        "POST", PROMPTS, data=body, headers=gateway.user() | {"Content-Type": "application/json"}
    )

    assert status == 201


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "malformed_json")),
        (b'{"name": NaN}', (400, "malformed_json")),
        (b'{"name": "a", "content": "c", "model_settings": {"x": Infinity}}', (400, "malformed_json")),
        (b'{"name": "a", "content": "c", "model_settings": {"x": 1e400}}', (400, "malformed_json")),
        (b'{"name": "a", "content": "c", "model_settings": {"x": ' + b"9" * 5000 + b"}}", (400, "malformed_json")),
        (b'{"name": "\\ud800"}', (400, "malformed_json")),
        (b'{"\\udfff": 1}', (400, "malformed_json")),
        (b'{"name": "\xff\xfe"}', (400, "malformed_json")),
        (b"[" * 100_000, (400, "malformed_json")),
        (
            b'{"name": "a", "content": "c", "model_settings": {"x": ' + b"[" * 255 + b"]" * 255 + b"}}",
            (400, "malformed_json"),
        ),
        (
            b'{"name": "a", "content": "c", "model_settings": {"x": ' + b"[" * 900 + b"]" * 900 + b"}}",
            (400, "malformed_json"),
        ),
        (b'{"name": "a", "content": "c", "model_settings": {"x": ' + b"[" * 251 + b"]" * 251 + b"}}", (201, "")),
        (b'{"name": "a", "content": "c", "model_settings": {"x": 123456789012345678901234567890}}', (201, "")),
        (b'{"name": "a\\u0000b"}', (201, "")),  # the service judges names
        (b"[]", (422, "invalid_request")),
        (b"null", (422, "invalid_request")),
        (b'"text"', (422, "invalid_request")),
        (b"{}", (422, "invalid_request")),
        (b"", (422, "invalid_request")),
        (b'{"name": 1}', (422, "invalid_request")),
        (b'{"name": "a", "role": "admin"}', (422, "invalid_request")),
        (b'{"name": "a", "workspace_id": "w2"}', (422, "invalid_request")),
        (b'{"name": "a", "__proto__": {}}', (422, "invalid_request")),
        (b'{"name": "a", "' + b"k" * 200_000 + b'": 1}', (422, "invalid_request")),
        (b'{"name": "a", "tags": [' + b"1," * 200_000 + b"1]}", (422, "invalid_request")),
        (b"{" + b",".join(b'"k%d":1' % number for number in range(80_000)) + b"}", (422, "invalid_request")),
        (
            b'{"name": "a", "content": "c", "variables": [{"name": "v", "max_chars": 99999999999}]}',
            (422, "invalid_request"),
        ),
        (b'{"name": "a", "content": "c", "variables": [{"name": "v", "default": {"x": 1e308}}]}', (201, "")),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("key", [None, "idempotency-1"], ids=["", "with a key"])
async def test_odd_bodies_get_a_4xx_never_a_5xx(gateway: Any, body: bytes, expected: Any, key: str | None) -> None:
    headers = gateway.user() | {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})

    status, answered, said = await gateway.ask("POST", PROMPTS, data=body, headers=headers)

    if expected[0] == 201:
        assert status == 201
    else:
        assert_problem(status, answered, said, expected)
        assert len(json.dumps(said)) < 50_000
        assert gateway.services.arrived["CreatePrompt"] == []


async def test_each_wrong_field_has_its_pointer(gateway: Any) -> None:
    body = {"name": 1, "tags": ["a", 2], "a/b~c": 0, "variables": [{"name": "v", "type": "odd"}]}

    status, headers, said = await gateway.ask("POST", PROMPTS, json=body, headers=gateway.user())

    assert_problem(status, headers, said, (422, "invalid_request"))
    assert {one["pointer"] for one in said["errors"]} == {"/name", "/tags/1", "/a~1b~0c", "/variables/0/type"}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_a_body_of_another_type_is_415(gateway: Any, content_type: str | None) -> None:
    headers = gateway.user() | ({"Content-Type": content_type} if content_type else {})
    skipped = () if content_type else ("Content-Type",)

    answer = await gateway.ask("POST", PROMPTS, data=b'{"name":"a"}', headers=headers, skip_auto_headers=skipped)

    assert_problem(*answer, (415, "unsupported_media_type"))


async def test_json_with_a_charset_is_json(gateway: Any) -> None:
    headers = gateway.user() | {"Content-Type": "Application/JSON; charset=utf-8"}

    status, _, _ = await gateway.ask("POST", PROMPTS, data=b'{"name":"a"}', headers=headers)

    assert status == 201


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/prompts/%ff%fe",
        "/api/v1/prompts/%00",
        "/api/v1/prompts/%ed%a0%80",
        "/api/v1/prompts/..%2f..%2fetc",
        "/api/v1/prompts/" + "x" * 20_000,
        "/api/v1/prompts?cursor=%ff%00%ed%a0%80",
        "/api/v1/prompts?folder=%ed%a0%80&tag=%c3%28",
        "/api/v1/delivery/%ff%00%ed%a0%80/%2e%2e",
        "/api/v1/delivery/a?label=%ed%a0%80",
        "/api/v1/prompts?limit=" + "9" * 6000,
        "/api/v1/prompts?limit=%EF%BC%91",
        "/api/v1/prompts?limit=1&limit=x",
        "/api/v1/prompts?" + "&".join(f"a{number}=1" for number in range(3000)),
        "/api/v1/prompts/x/versions/99999999999999999999",
        "/api/v1/prompts/x/versions/0x1",
        "/api/v1/runs?kind=odd&state=%00",
    ],
    ids=lambda path: path[:40],
)
async def test_odd_paths_and_queries_never_get_a_5xx(gateway: Any, path: str) -> None:
    import yarl

    for method in ("GetPrompt", "GetDelivery", "GetVersion"):
        gateway.services.does[method] = lambda _: NotFound("There is no such prompt, or it is not yours.")

    async with gateway.client.get(yarl.URL(gateway.url + path, encoded=True), headers=gateway.user()) as answer:
        await answer.read()

    assert answer.status < 500


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Request-Id", "é" * 10),
        ("X-Request-Id", "x" * 5000),
        ("X-Request-Id", "a b c d e f g"),
        ("User-Agent", "浏览器\x7f" * 300),
        ("Accept-Language", "é;q=ü, zh;q=nan, en;q=inf"),
        ("Accept-Language", "x" * 8000),
        ("Host", "é"),
        ("X-Forwarded-For", "1.2.3.4, ' OR 1=1 --"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Last-Event-ID", "é"),
        ("Accept", "é/ü"),
    ],
)
async def test_odd_header_values_never_get_a_5xx(gateway: Any, name: str, value: str) -> None:
    raw = [f"POST {PROMPTS} HTTP/1.1".encode(), b"Connection: close", b"Content-Type: application/json"]
    if name != "Host":
        raw.append(b"Host: x")
    raw += [f"Authorization: {gateway.user()['Authorization']}".encode(), b"Idempotency-Key: 12345678"]
    raw += [name.encode() + b": " + value.encode(), b"Content-Length: 12", b"", b'{"name":"a"}']

    status = await raw_status(gateway.url, b"\r\n".join(raw))

    assert status in {201, 400}  # 400: what may not stand in a header at all


async def raw_status(url: str, request: bytes) -> int:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize("host", [b"[", b"[::1", b"a]b", b"x:99999999", b"", b"evil.example"])
async def test_an_odd_host_is_not_believed_and_harms_nothing(gateway: Any, host: bytes) -> None:
    token = gateway.user()["Authorization"].encode()
    request = b"\r\n".join(
        [
            b"POST /api/v1/lint?x=1 HTTP/1.1",
            b"Host: " + host,
            b"Authorization: " + token,
            b"Idempotency-Key: 12345678",
            b"Content-Type: application/json",
            b"Content-Length: 15",
            b"Connection: close",
            b"",
            b'{"content":"x"}',
        ]
    )

    assert await raw_status(gateway.url, request) in {200, 400}


@pytest.mark.parametrize("key", ["short", "x" * 65, "with space", "tab\tinside", "ключключ", "\u200bzero-width", ""])
async def test_an_idempotency_key_of_another_form_is_422(gateway: Any, key: str) -> None:
    headers = gateway.user() | {"Idempotency-Key": key}

    answer = await gateway.ask("POST", PROMPTS, json={"name": "a"}, headers=headers)

    assert_problem(*answer, (422, "invalid_idempotency_key"))


async def test_key_and_hash_reach_the_service_whatever_the_order_of_fields(gateway: Any) -> None:
    headers = gateway.user() | {"Idempotency-Key": "key-0001"}
    for body in ('{"name": "a", "title": "b"}', '{"title":"b","name":"a"}', '{"title":"c","name":"a"}'):
        await gateway.ask("POST", PROMPTS, data=body, headers=headers | {"Content-Type": "application/json"})

    calls = [call for _, call in gateway.services.arrived["CreatePrompt"]]

    assert [call.idempotency_key for call in calls] == ["key-0001"] * 3
    first, second, third = (call.request_hash for call in calls)
    assert first == second != third


async def test_a_replay_is_marked(gateway: Any) -> None:
    def replay(_request: object) -> prompts_pb2.CreatePromptResponse:
        current_call().mark_replayed()
        return prompts_pb2.CreatePromptResponse()

    gateway.services.does["CreatePrompt"] = replay

    _, headers, _ = await gateway.ask("POST", PROMPTS, json={"name": "a"}, headers=gateway.user())

    assert headers["Idempotency-Replayed"] == "true"


async def test_sign_in_takes_no_idempotency_key(gateway: Any) -> None:
    headers = {"Idempotency-Key": "x"}

    status, _, _ = await gateway.ask(
        "POST", "/api/v1/auth/login", json={"email": "a", "password": "b"}, headers=headers
    )

    ((_, call),) = gateway.services.arrived["Login"]
    assert (status, call.idempotency_key) == (200, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [('"7"', 7), ('W/"7"', 7), (None, None), ("*", None)],
)
async def test_if_match_reaches_the_service_as_a_row_version(gateway: Any, given: str | None, expected: Any) -> None:
    headers = gateway.user() | ({"If-Match": given} if given else {})

    await gateway.ask("PATCH", f"{PROMPTS}/p1", json={"title": "t"}, headers=headers)

    ((_, call),) = gateway.services.arrived["UpdatePrompt"]
    assert call.if_match == expected


@pytest.mark.parametrize("given", ["7", '"x"', '"7', '"7", "8"', '""', '"-1"', '"' + "9" * 30 + '"'])
async def test_an_if_match_that_is_no_tag_of_ours_is_412(gateway: Any, given: str) -> None:
    headers = gateway.user() | {"If-Match": given}

    answer = await gateway.ask("PATCH", f"{PROMPTS}/p1", json={"title": "t"}, headers=headers)

    assert_problem(*answer, (412, "stale"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unavailable("away", retry_after_seconds=2.2), (503, "unavailable", "3")),
        (Aborted("again", reason="in_progress"), (409, "in_progress", None)),
        (Unauthenticated("stale", reason="token_stale"), (401, "token_stale", None)),
    ],
)
async def test_what_a_service_raises_is_a_problem(gateway: Any, error: Exception, expected: Any) -> None:
    gateway.services.does["CreatePrompt"] = lambda _: error

    status, headers, body = await gateway.ask("POST", PROMPTS, json={"name": "a"}, headers=gateway.user())

    assert (status, body["code"], headers.get("Retry-After")) == expected


async def test_a_defect_behind_us_is_500_and_tells_nothing(gateway: Any) -> None:
    gateway.services.does["CreatePrompt"] = lambda _: ZeroDivisionError("hunter2")

    status, headers, body = await gateway.ask("POST", PROMPTS, json={"name": "a"}, headers=gateway.user())

    assert_problem(status, headers, body, (500, "internal"))
    assert "hunter2" not in json.dumps(body)


async def test_no_body_on_204(gateway: Any) -> None:
    status, headers, body = await gateway.ask("DELETE", f"{PROMPTS}/p1", headers=gateway.user())

    assert (status, body) == (204, b"")
    assert headers.get("Content-Length") in {None, "0"}
    assert "Content-Type" not in headers


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/nothing", PROMPTS, "/api/v1/openapi.json"])
async def test_every_answer_has_an_id_and_the_security_headers(gateway: Any, path: str) -> None:
    _, headers, _ = await gateway.ask("GET", path)

    assert len(headers["X-Request-Id"]) == 36
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"]


async def test_a_request_id_of_good_form_is_kept(gateway: Any) -> None:
    _, headers, _ = await gateway.ask("GET", "/livez", headers={"X-Request-Id": "trace-0123456789"})

    assert headers["X-Request-Id"] == "trace-0123456789"


async def test_the_refresh_cookie_is_for_us_alone(gateway: Any) -> None:
    tokens = accounts_pb2.Tokens(refresh_token="psr_1", refresh_expires_in=60)
    gateway.services.does["Login"] = lambda _: accounts_pb2.LoginResponse(tokens=tokens)

    _, headers, body = await gateway.ask("POST", "/api/v1/auth/login", json={"email": "a", "password": "b"})

    assert body["refresh_token"] == "psr_1"
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=strict" in headers["Set-Cookie"]
    assert "Path=/api/v1/auth" in headers["Set-Cookie"]
    assert "Secure" not in headers["Set-Cookie"]


async def test_the_refresh_cookie_is_secure_behind_a_proxy_that_speaks_tls(start: Any) -> None:
    async with start(trusted_proxies=1) as gateway:
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.4"}

        _, headers, _ = await gateway.ask(
            "POST", "/api/v1/auth/login", json={"email": "a", "password": "b"}, headers=forwarded
        )

        ((_, call),) = gateway.services.arrived["Login"]
        assert "Secure" in headers["Set-Cookie"]
        assert call.client_ip == "198.51.100.4"
