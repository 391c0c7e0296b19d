"""Problem documents, CORS, the OpenAPI document and the docs page."""

import re
from typing import Any

import pytest
from api_gateway.problems import rendering
from api_gateway.problems.table import TABLE
from api_gateway.settings import GatewaySettings
from promptsphere.generation.v1 import runs_pb2
from pydantic import ValidationError
from servicekit.errors import InvalidArgument, PermissionDenied

pytestmark = pytest.mark.slow

ORIGIN = "https://app.example.com"
OPENAPI = "/api/v1/openapi.json"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-hant-TW", "zh"),
        ("en;q=0.5, zh;q=0.9", "zh"),
        ("en, zh", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=0", "en"),
        ("fr, de", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("*", "en"),
        ("zh;q=nan", "en"),
        ("zh;q=inf, en;q=0.1", "en"),
        ("zh;q=x, en;q=0.1", "en"),
        (";;;,,,q=,zh", "zh"),
        ("zhx", "en"),
    ],
)
def test_the_language_is_the_one_preferred(header: str, language: str) -> None:
    assert rendering.language_of(header) == language


@pytest.mark.parametrize("reason", list(TABLE))
def test_each_reason_speaks_both_languages(reason: str) -> None:
    entry = TABLE[reason]

    assert re.search(r"[\u4e00-\u9fff]", entry.zh)
    assert re.search(r"[\u4e00-\u9fff]", entry.title_zh)
    assert entry.zh.endswith("。")
    assert entry.title.isascii()
    assert 400 <= entry.status < 600


def test_a_word_that_is_missing_leaves_the_general_sentence() -> None:
    error = PermissionDenied("x", reason="scope_missing")

    assert rendering.document(error, language="zh")["detail"] == "缺少权限范围。"
    full = PermissionDenied("x", reason="scope_missing", metadata={"needed": "{needed} read"})
    assert "{needed} read" in rendering.document(full, language="zh")["detail"]


async def test_the_detail_follows_the_language_asked_for(gateway: Any) -> None:
    _, chinese, said_zh = await gateway.ask("GET", "/nothing", headers={"Accept-Language": "zh-CN"})
    _, english, said_en = await gateway.ask("GET", "/nothing", headers={"Accept-Language": "en"})

    assert (chinese["Content-Language"], english["Content-Language"]) == ("zh", "en")
    assert "Accept-Language" in chinese["Vary"]
    assert said_zh["detail"] != said_en["detail"]
    assert said_zh["code"] == said_en["code"]


async def test_a_sentence_of_a_service_is_shown_as_it_is_in_english(gateway: Any) -> None:
    gateway.services.does["LintContent"] = lambda _: InvalidArgument("Send 1 to 262144 bytes of content.")

    _, _, body = await gateway.ask("POST", "/api/v1/lint", json={"content": ""}, headers=gateway.user())

    assert body["detail"] == "Send 1 to 262144 bytes of content."


def settings(**changed: Any) -> GatewaySettings:
    return GatewaySettings(auth_target="a", prompt_target="b", generation_target="c", **changed)


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "https://*.example.com",
        "null",
        "app.example.com",
        "https://a.example/",
        "https://a.example/path",
        "ftp://a",
        "https://A.example",
        "https://a.example,*",
        "https://",
        "https://a b",
        "https://user@a.example",
        "javascript:x",
    ],
)
def test_an_origin_that_is_not_exact_is_refused_at_start(origins: str) -> None:
    with pytest.raises(ValidationError):
        settings(cors_origins=origins)


def test_exact_origins_are_taken() -> None:
    given = " https://app.example.com, http://localhost:5173,http://[::1]:3000,"

    assert settings(cors_origins=given).origins == [ORIGIN, "http://localhost:5173", "http://[::1]:3000"]


def test_debug_is_for_loopback_only() -> None:
    with pytest.raises(ValidationError):
        settings(debug=True, host="0.0.0.0")


HOSTILE = [
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "null",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://app.example.com/",
    "",
    "*",
    "https://app.example.com, https://evil.example",
]


@pytest.mark.parametrize("origin", [ORIGIN, *HOSTILE])
async def test_only_the_exact_origin_may_read(start: Any, origin: str) -> None:
    async with start(cors_origins=ORIGIN) as gateway:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "If-Match"}
        _, plain, _ = await gateway.ask("GET", "/livez", headers={"Origin": origin})
        _, refused, _ = await gateway.ask("GET", "/api/v1/prompts", headers={"Origin": origin})
        status, preflight, _ = await gateway.ask("OPTIONS", "/api/v1/prompts", headers=asked)

    for headers in (plain, refused, preflight):
        assert headers.get("Access-Control-Allow-Origin") == (ORIGIN if origin == ORIGIN else None)
        assert headers["X-Request-Id"]
    if origin == ORIGIN:
        assert status == 200
        assert "Origin" in plain["Vary"]
        assert {"Origin", "Accept-Language"} <= {one.strip() for one in refused["Vary"].split(",")}
        assert "X-Request-Id" in plain["Access-Control-Expose-Headers"]
        assert plain["Access-Control-Allow-Credentials"] == "true"


async def test_without_origins_there_is_no_cors(gateway: Any) -> None:
    _, headers, _ = await gateway.ask("GET", "/livez", headers={"Origin": ORIGIN})

    assert "Access-Control-Allow-Origin" not in headers


@pytest.fixture
async def document(gateway: Any) -> Any:
    _, _, body = await gateway.ask("GET", OPENAPI)
    return body


def operations(document: Any) -> Any:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


ROUTES = """
POST /api/v1/auth/register 201 409 403
POST /api/v1/auth/login 200 401 429
POST /api/v1/auth/refresh 200 401
POST /api/v1/auth/logout 204 401
POST /api/v1/auth/switch 200 401 404
GET /api/v1/me 200 401
PATCH /api/v1/me 200 412
POST /api/v1/me/password 204 401
GET /api/v1/me/sessions 200
DELETE /api/v1/me/sessions 204
DELETE /api/v1/me/sessions/{id} 204 404
GET /api/v1/api-keys 200
POST /api/v1/api-keys 201 403
POST /api/v1/api-keys/{id}/rotate 201 404
DELETE /api/v1/api-keys/{id} 204 404
POST /api/v1/prompts 201 409
GET /api/v1/prompts 200
GET /api/v1/prompts/{id} 200 404
PATCH /api/v1/prompts/{id} 200 404 409 412 428
DELETE /api/v1/prompts/{id} 204 404
POST /api/v1/prompts/{id}/restore 200 409
GET /api/v1/prompts/{id}/versions 200 404
POST /api/v1/prompts/{id}/versions 200 201 404
GET /api/v1/prompts/{id}/versions/{number} 200 404
POST /api/v1/prompts/{id}/rollback 201 404
POST /api/v1/prompts/{id}/render 200 404 422
GET /api/v1/prompts/{id}/labels 200 404
PUT /api/v1/prompts/{id}/labels/{label} 200 403 404
DELETE /api/v1/prompts/{id}/labels/{label} 204 404
GET /api/v1/prompts/{id}/labels/{label}/history 200 404
GET /api/v1/delivery/{name} 200 304 404
POST /api/v1/requirements 200 422
POST /api/v1/runs 200 202 422
GET /api/v1/runs 200
GET /api/v1/runs/{id} 200 404
POST /api/v1/runs/{id}/cancel 202 404
GET /api/v1/runs/{id}/events 200 204 404
POST /api/v1/assessments 202
POST /api/v1/lint 200 422
GET /api/v1/models 200
GET /.well-known/jwks.json 200
GET /livez 200
GET /readyz 200 503
GET /statusz 200 401 403
"""


def test_the_routes_of_the_contract_are_there_with_their_statuses(document: Any) -> None:
    found = {name: set(operation["responses"]) for name, operation in operations(document)}

    for line in ROUTES.strip().splitlines():
        method, path, *statuses = line.split()
        assert set(statuses) <= found[f"{method} {path}"], line


def test_every_body_has_413_400_415_and_422(document: Any) -> None:
    for name, operation in operations(document):
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= operation["responses"].keys(), name


def test_every_refusal_is_a_problem_with_examples(document: Any) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and not name.endswith("/readyz"):
                (media_type,) = response["content"]
                assert media_type == "application/problem+json", name
                content = response["content"][media_type]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert content["examples"], (name, status)


def test_nothing_of_the_frameworks_own_shapes_is_left(document: Any) -> None:
    assert "HTTPValidationError" not in str(document)
    assert "ValidationError" not in document["components"]["schemas"]


def test_operation_ids_are_unique(document: Any) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]

    assert len(ids) == len(set(ids))


def test_each_operation_says_what_it_does_and_who_may(document: Any) -> None:
    for name, operation in operations(document):
        assert operation.get("description") or operation.get("summary"), name
        is_open = name.endswith(
            ("/auth/register", "/auth/login", "/auth/refresh", "/jwks.json", "/livez", "/readyz"),
        )
        assert ("security" not in operation) is is_open, name


def has_example(document: Any, content: Any) -> bool:
    if content.get("example") or content.get("examples"):
        return True
    return _schema_has_example(document, content["schema"])


def _schema_has_example(document: Any, schema: Any) -> bool:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("examples") or schema.get("example") is not None:
        return True
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    if "items" in schema:
        parts.append(schema["items"])
    return any(_schema_has_example(document, part) for part in parts)


def test_every_body_and_every_success_has_an_example(document: Any) -> None:
    without = []
    for name, operation in operations(document):
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        for status, response in operation["responses"].items():
            if status < "300":
                contents += response.get("content", {}).values()
        if not all(has_example(document, content) for content in contents):
            without.append(name)

    assert without == []


async def test_the_example_of_each_request_is_one_that_is_taken(gateway: Any, document: Any) -> None:
    run = runs_pb2.Run(id="r", kind=runs_pb2.RUN_KIND_GENERATE, state=runs_pb2.RUN_STATE_QUEUED)
    gateway.services.does["CreateRun"] = lambda _: runs_pb2.CreateRunResponse(run=run)
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        method, path = name.split()
        example = operation["requestBody"]["content"]["application/json"]["example"]

        headers = gateway.user() | {"If-Match": '"1"', "Cookie": "ps_refresh=psr_1"}
        status, _, said = await gateway.ask(method, re.sub(r"{\w+}", "x", path), json=example, headers=headers)

        assert status < 300, (name, example, said)


def test_a_204_and_a_304_have_no_content(document: Any) -> None:
    for name, operation in operations(document):
        for status in {"204", "304"} & operation["responses"].keys():
            assert "content" not in operation["responses"][status], name


async def test_the_docs_page_loads_from_us_only(gateway: Any) -> None:
    status, headers, body = await gateway.ask("GET", "/docs")
    page = body.decode()
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert status == 200
    assert linked
    for path in linked:
        assert path.startswith("/")
        assert not path.startswith("//")
        loaded, answered, content = await gateway.ask("GET", path)
        assert (loaded, bool(content)) == (200, True), path
        assert "Content-Type" in answered
    assert "<script>" not in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    _, _, start = await gateway.ask("GET", "/docs/start.js")
    assert OPENAPI in start.decode()
    assert "http" not in start.decode()


async def test_ready_means_that_the_services_were_reached_and_until_draining(gateway: Any) -> None:
    status, headers, body = await gateway.ask("GET", "/readyz")
    assert (status, headers["Retry-After"]) == (503, "1")  # the fakes have no health service
    assert b"auth-service" in body

    for one in gateway.app.state.readiness.services.values():
        one.found("ok")
    assert (await gateway.ask("GET", "/readyz"))[0] == 200

    gateway.app.state.readiness.is_draining = True
    assert (await gateway.ask("GET", "/readyz"))[0] == 503
