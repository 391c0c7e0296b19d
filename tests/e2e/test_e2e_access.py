"""Who may do what: no route takes a bad token, another workspace's id, or a key without its scope."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from auth_service.keys.sealing import unseal
from cryptography.hazmat.primitives.asymmetric import ec
from local_stack.demo.client import Answer, Json
from local_stack.testing import Person, StackProcess, ask, event_id

NOBODY = "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42"
SCOPES = ("read", "write", "generate", "deliver", "admin")
DESCRIPTION = "客服智能体，需要专业、耐心"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation with a body that fits it, and the scopes of which a key needs one (none: no key may)."""

    method: str
    path: str
    scopes: frozenset[str]
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def route(method: str, path: str, scopes: str = "", body: Any = None) -> Route:
    return Route(method, f"/api/v1{path}", frozenset(scopes.split()), body)


ROUTES = (
    route("POST", "/auth/switch", "", {"workspace_id": "{workspace}"}),
    route("GET", "/me", "admin read"),
    route("PATCH", "/me", "", {}),
    route("POST", "/me/password", "", {"current_password": "x" * 20, "new_password": "y" * 20}),
    route("GET", "/me/sessions"),
    route("DELETE", "/me/sessions?others=true"),
    route("DELETE", "/me/sessions/{session}"),
    route("GET", "/api-keys", "admin"),
    route("POST", "/api-keys", "admin", {"name": "k", "scopes": ["admin"]}),
    route("POST", "/api-keys/{key}/rotate", "admin"),
    route("DELETE", "/api-keys/{key}", "admin"),
    route("POST", "/prompts", "write", {"name": "{fresh}"}),
    route("GET", "/prompts", "read"),
    route("GET", "/prompts/{prompt}", "read"),
    route("PATCH", "/prompts/{prompt}", "write", {"title": "x"}),
    route("DELETE", "/prompts/{prompt}", "write"),
    route("POST", "/prompts/{prompt}/restore", "write"),
    route("GET", "/prompts/{prompt}/versions", "read"),
    route("POST", "/prompts/{prompt}/versions", "write", {"content": "x"}),
    route("GET", "/prompts/{prompt}/versions/1", "read"),
    route("POST", "/prompts/{prompt}/rollback", "write", {"version": 1}),
    route("POST", "/prompts/{prompt}/render", "read", {"variables": {}}),
    route("GET", "/prompts/{prompt}/labels", "read"),
    route("PUT", "/prompts/{prompt}/labels/staging", "write", {"version": 1}),
    route("DELETE", "/prompts/{prompt}/labels/production", "write"),
    route("GET", "/prompts/{prompt}/labels/production/history", "read"),
    route("GET", "/delivery/{name}", "deliver read"),
    route("POST", "/requirements", "generate", {"description": DESCRIPTION}),
    route("POST", "/runs", "generate", {"kind": "generate", "input": {"requirement_id": "{requirement}"}}),
    route("GET", "/runs", "generate read"),
    route("GET", "/runs/{run}", "generate read"),
    route("POST", "/runs/{run}/cancel", "generate"),
    route("GET", "/runs/{run}/events", "generate read"),
    route("POST", "/assessments", "generate", {"content": "你是客服。"}),
    route("POST", "/lint", "generate read", {"content": "你是客服。"}),
    route("GET", "/models", "generate read"),
)
BY_ID_IN_BODY = (
    route("POST", "/prompts", "", {"name": "{fresh}", "from_run": "{run}"}),
    route("POST", "/assessments", "", {"prompt_id": "{prompt}", "version": 1}),
)
FREE = {
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
}


def template(one: Route) -> str:
    """The route as the OpenAPI document writes it."""
    path = one.path.partition("?")[0]
    for given, written in (
        ("versions/1", "versions/{number}"),
        ("labels/staging", "labels/{label}"),
        ("labels/production", "labels/{label}"),
        ("{prompt}", "{id}"),
        ("{session}", "{id}"),
        ("{key}", "{id}"),
        ("{run}", "{id}"),
    ):
        path = path.replace(given, written)
    return f"{one.method} {path}"


async def send(stack: StackProcess, one: Route, ids: Json, *, token: str, language: str = "en") -> Answer:
    def filled(text: str) -> str:
        for name, value in (ids | {"fresh": f"f{secrets.token_hex(6)}"}).items():
            text = text.replace(f"{{{name}}}", value)
        return text

    data = filled(json.dumps(one.body)).encode() if one.body is not None else None
    headers = {"Accept-Language": language, "If-Match": '"1"'}
    return await ask(stack.url, one.method, filled(one.path), token=token, data=data, headers=headers)


async def possessions(person: Person) -> Json:
    """One of everything that has an id."""
    client = person.client
    prompt = await person.prompt("你好")
    await client.expect(200, "PUT", f"/api/v1/prompts/{prompt['id']}/labels/production", {"version": 1})
    requirement = await client.expect(200, "POST", "/api/v1/requirements", {"description": DESCRIPTION})
    run = await client.expect(
        202, "POST", "/api/v1/runs", {"kind": "generate", "input": {"requirement_id": requirement.body["id"]}}
    )
    assert await person.replay(run.body["id"])
    key = await client.expect(201, "POST", "/api/v1/api-keys", {"name": "k", "scopes": ["read"]})
    sessions = await client.expect(200, "GET", "/api/v1/me/sessions")
    return {
        "workspace": person.workspace_id,
        "prompt": prompt["id"],
        "name": prompt["name"],
        "requirement": requirement.body["id"],
        "run": run.body["id"],
        "key": key.body["id"],
        "session": sessions.body["items"][0]["id"],
    }


def owned(stack: StackProcess, workspace_id: str) -> list[list[Json]]:
    """What a workspace has, but for when its keys were used last."""
    return [
        stack.rows(service, f"SELECT {columns} FROM {table} WHERE workspace_id = ? ORDER BY 1", workspace_id)  # noqa: S608 - our own names
        for service, table, columns in (
            ("prompt", "prompts", "*"),
            ("prompt", "prompt_versions", "*"),
            ("prompt", "labels", "*"),
            ("prompt", "label_events", "*"),
            ("auth", "api_keys", "id, name, secret_hash, revoked_at, row_version"),
            ("generation", "runs", "*"),
            ("generation", "requirements", "*"),
        )
    ]


async def test_the_routes_below_are_all_there_are(stack: StackProcess) -> None:
    document = (await ask(stack.url, "GET", "/api/v1/openapi.json")).body
    operations = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/api/")
    }

    assert {template(one) for one in ROUTES} | FREE == operations


async def test_another_workspaces_ids_are_not_found_on_any_route(stack: StackProcess, new_person: Any) -> None:
    owner: Person = await new_person()
    stranger: Person = await new_person()
    theirs = await possessions(owner)
    before = owned(stack, owner.workspace_id)
    nothing = dict.fromkeys(theirs, NOBODY) | {"name": "nobody/has-this"}
    with_ids = [one for one in ROUTES if any(f"{{{name}}}" in str(one.body) + one.path for name in theirs)]

    for one in (*with_ids, *BY_ID_IN_BODY):
        for language in ("en", "zh"):
            foreign = await send(stack, one, theirs, token=stranger.client.access_token, language=language)
            absent = await send(stack, one, nothing, token=stranger.client.access_token, language=language)
            assert (foreign.status, foreign.body["code"]) == (404, "not_found"), (str(one), foreign)
            assert "ETag" not in foreign.headers
            said = foreign.body["detail"].replace(theirs["name"], nothing["name"])
            assert foreign.body | {"request_id": "", "detail": said} == absent.body | {"request_id": ""}, str(one)
    by_author = f"/api/v1/prompts?author={owner.tokens['user']['id']}"
    assert (await stranger.client.expect(200, "GET", by_author)).body["items"] == []

    assert len(with_ids) > 20
    assert owned(stack, owner.workspace_id) == before
    assert (await owner.client.expect(200, "GET", "/api/v1/me")).body["id"]


def segments(token: str) -> list[str]:
    return token.split(".")


def encoded(document: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def signing_key(stack: StackProcess) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs now, for tokens that are genuine and yet not good."""
    (row,) = stack.rows("auth", "SELECT kid, sealed_private_key FROM signing_keys WHERE state = ?", "active")
    secret = (stack.data_dir / "secrets" / "auth" / "key-encryption").read_bytes().strip()
    return row["kid"], unseal(row["sealed_private_key"], kid=row["kid"], secret=secret)


def bad_tokens(stack: StackProcess, good: str) -> dict[str, str]:
    header, payload, signature = segments(good)
    head = jwt.get_unverified_header(good)
    claims = jwt.decode(good, options={"verify_signature": False})
    kid, key = signing_key(stack)
    other = ec.generate_private_key(ec.SECP256R1())
    now = int(time.time())

    def signed(changes: Json, *, by: ec.EllipticCurvePrivateKey = key, typ: str = "at+jwt", **more: str) -> str:
        return jwt.encode(claims | changes, by, algorithm="ES256", headers={"kid": kid, "typ": typ} | more)

    assert head["kid"] == kid
    return {
        "expired": signed({"iat": now - 1000, "nbf": now - 1000, "exp": now - 60}),
        "not-yet": signed({"nbf": now + 600}),
        "other-issuer": signed({"iss": "somebody"}),
        "other-audience": signed({"aud": "somewhere"}),
        "other-type": signed({}, typ="JWT"),
        "other-key": signed({}, by=other),
        "unknown-kid": signed({}, by=other, kid=NOBODY),
        "own-jwk": signed({}, by=other, jku="https://example.com/keys"),
        "other-session": signed({"sid": NOBODY}),
        "none": f"{encoded(head | {'alg': 'none'})}.{payload}.",
        "none-signed": f"{encoded(head | {'alg': 'none'})}.{payload}.{signature}",
        "hs256": jwt.encode(claims, "a" * 64, algorithm="HS256", headers={"kid": kid, "typ": "at+jwt"}),
        "admin-pasted-in": f"{header}.{encoded(claims | {'role': 'admin', 'ws': NOBODY})}.{signature}",
        "truncated": good[:-4],
        "without-signature": f"{header}.{payload}.",
        "two-parts": f"{header}.{payload}",
        "lengthened": f"{good}AAAA",
        "words": "not a token",
        "refresh-like": f"psr_{secrets.token_urlsafe(32)}",
        "unknown-key": f"psk_{secrets.token_urlsafe(32)}",
        "long": "a" * 5000,
    }


async def test_no_route_takes_a_bad_token(stack: StackProcess, person: Person) -> None:
    ids = await possessions(person)
    before = owned(stack, person.workspace_id)
    tokens = bad_tokens(stack, person.client.access_token)

    for name, token in tokens.items():
        answer = await send(stack, ROUTES[1], ids, token=token, language="zh")
        assert (name, answer.status, answer.body["code"]) == (name, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
    for one in ROUTES:
        for token in ("", tokens["expired"], tokens["other-key"], tokens["none"], tokens["truncated"]):
            answer = await send(stack, one, ids, token=token)
            assert (answer.status, answer.body["code"]) == (401, "unauthenticated"), (str(one), token)

    assert owned(stack, person.workspace_id) == before
    assert (await send(stack, ROUTES[1], ids, token=person.client.access_token)).status == 200


async def test_only_the_bearer_scheme_counts(stack: StackProcess, person: Person) -> None:
    good = person.client.access_token
    cookies = f"access_token={good}; ps_refresh={person.tokens['refresh_token']}"

    for headers in (
        {"Authorization": f"Basic {good}"},
        {"Authorization": good},
        {"Authorization": "Bearer"},
        {"Cookie": cookies},
        {"X-User-Id": person.tokens["user"]["id"], "X-Authorization": f"Bearer {good}"},
    ):
        answer = await ask(stack.url, "GET", "/api/v1/me", headers=headers)
        assert (answer.status, answer.body["code"]) == (401, "unauthenticated"), headers


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_may_do_what_its_scope_names_and_nothing_else(
    stack: StackProcess, person: Person, scope: str
) -> None:
    ids = await possessions(person) | {"key": NOBODY, "session": NOBODY}
    token = await person.api_key(scope)
    lacking = [one for one in ROUTES if scope not in one.scopes]
    before = owned(stack, person.workspace_id)

    for one in lacking:
        for language in ("en", "zh"):
            answer = await send(stack, one, ids, token=token, language=language)
            assert (answer.status, answer.body["code"]) == (403, "scope_missing"), (str(one), answer)
    assert owned(stack, person.workspace_id) == before
    for one in ROUTES:
        if scope in one.scopes and one.method != "DELETE":
            answer = await send(stack, one, ids, token=token)
            assert answer.status < 300 or answer.status in {404, 409, 412}, (str(one), answer)


async def test_a_key_gives_no_more_than_it_has(stack: StackProcess, person: Person) -> None:
    token = await person.api_key("admin")

    for scopes in (["write"], ["admin", "read"], list(SCOPES)):
        body = json.dumps({"name": "more", "scopes": scopes}).encode()
        answer = await ask(stack.url, "POST", "/api/v1/api-keys", token=token, data=body)
        assert (answer.status, answer.body["code"]) in {(403, "forbidden"), (403, "scope_missing")}, answer


async def test_a_revoked_and_an_expired_key_are_refused(stack: StackProcess, person: Person) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    body = {"name": "brief", "scopes": ["read"], "expires_at": soon.isoformat()}
    brief = (await person.client.expect(201, "POST", "/api/v1/api-keys", body)).body
    revoked = (await person.client.expect(201, "POST", "/api/v1/api-keys", {"name": "r", "scopes": ["read"]})).body
    await person.client.expect(204, "DELETE", f"/api/v1/api-keys/{revoked['id']}")
    tokens: Sequence[str] = (brief["key"], revoked["key"])
    statuses = [(await ask(stack.url, "GET", "/api/v1/prompts", token=token)).status for token in tokens]
    deadline = time.monotonic() + 15

    while (answer := await ask(stack.url, "GET", "/api/v1/prompts", token=brief["key"])).status == 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)

    assert statuses == [200, 401]
    assert datetime.now(UTC) >= soon
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


async def test_an_address_that_a_key_does_not_allow_is_refused(stack: StackProcess, person: Person) -> None:
    body = {"name": "elsewhere", "scopes": ["read"], "allowed_ips": ["203.0.113.0/24"]}
    key = (await person.client.expect(201, "POST", "/api/v1/api-keys", body)).body["key"]
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}

    answer = await ask(stack.url, "GET", "/api/v1/prompts", token=key, headers=headers)

    assert (answer.status, answer.body["code"]) == (403, "forbidden")


async def test_a_key_follows_the_events_of_its_creators_runs(stack: StackProcess, person: Person) -> None:
    ids = await possessions(person)
    key = await person.api_key("read")
    frames = await person.replay(ids["run"])

    answer = await ask(
        stack.url,
        "GET",
        f"/api/v1/runs/{ids['run']}/events",
        token=key,
        headers={"Last-Event-ID": event_id(frames[-1])},
    )

    assert answer.status == 204
