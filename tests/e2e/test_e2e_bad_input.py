"""Bad input gets the documented 4xx, a sentence that says what to do in the client's language, and changes nothing."""

import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from local_stack.demo.client import Answer, Json
from local_stack.testing import Person, StackProcess, ask

HAN = re.compile(r"[\u4e00-\u9fff]")
MIB = 1024 * 1024
NOBODY = "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42"


@dataclass(frozen=True, slots=True)
class Shop:
    """A person with a prompt that has two versions and a label."""

    person: Person
    prompt: Json

    async def ask(
        self, method: str, path: str, data: Any = None, *, language: str = "en", headers: dict[str, str] | None = None
    ) -> Answer:
        body = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
        return await ask(
            self.person.client.url,
            method,
            path.replace("{prompt}", self.prompt["id"]),
            token=self.person.client.access_token,
            data=body,
            headers={"Accept-Language": language} | (headers or {}),
        )


@pytest.fixture
async def shop(person: Person) -> Shop:
    prompt = await person.prompt("一：{{ name }}，{{ city }}")
    path = f"/api/v1/prompts/{prompt['id']}"
    await person.client.expect(201, "POST", f"{path}/versions", {"content": "二：{{ name }}，{{ city }}"})
    await person.client.expect(200, "PUT", f"{path}/labels/production", {"version": 1})
    return Shop(person, prompt)


def state(stack: StackProcess, workspace_id: str) -> dict[str, list[Json]]:
    """All that a workspace has."""
    tables = {
        "prompt": ("prompts", "prompt_versions", "labels", "label_events", "audit_events"),
        "auth": ("api_keys",),
        "generation": ("runs", "requirements"),
    }
    return {
        table: stack.rows(service, f"SELECT * FROM {table} WHERE workspace_id = ? ORDER BY 1", workspace_id)  # noqa: S608 - our own names
        for service, names in tables.items()
        for table in names
    }


def check_refusal(answer: Answer, status: int, code: str, *, language: str = "en") -> None:
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.body["request_id"]
    assert answer.body["status"] == status
    assert answer.body["title"]
    assert answer.body["detail"].rstrip("。.`").strip()
    assert bool(HAN.search(answer.body["detail"])) == (language == "zh")
    assert bool(HAN.search(answer.body["title"])) == (language == "zh")


DESCRIPTIONS = {
    "blank": "",
    "spaces": " \t\n\u3000 ",
    "invisible": "\u200b\u200d\ufeff",
    "emoji": "😀👍🏽🎉",
    "8001": "长" * 8001,
    "8001-in-nfd": "e\u0301" * 8001,
    "nul": "客服\x00智能体",
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
async def test_a_description_that_says_nothing_or_too_much_is_422(stack: StackProcess, shop: Shop, name: str) -> None:
    before = state(stack, shop.person.workspace_id)
    text = DESCRIPTIONS[name]

    for path, body, pointer in (
        ("/api/v1/requirements", {"description": text}, "/description"),
        ("/api/v1/runs", {"kind": "generate", "input": {"description": text}}, "/input/description"),
    ):
        for language in ("en", "zh"):
            answer = await shop.ask("POST", path, body, language=language)
            check_refusal(answer, 422, "invalid_request", language=language)
            assert [one["pointer"] for one in answer.body["errors"]] == [pointer]

    assert state(stack, shop.person.workspace_id) == before


@pytest.mark.parametrize(
    ("text", "input_class"),
    [
        ("客", "too_vague"),
        ("a", "too_vague"),
        ("写一个 helpdesk agent，отвечает по-русски و العربية，语气耐心", "ok"),
        ("客服智能体，需要耐心。" + "请" * (8000 - 11), "ok"),
        ("é" * 1 + "客服智能体，需要专业、耐心", "ok"),
    ],
    ids=["one-han", "one-letter", "mixed-scripts", "8000", "nfd"],
)
async def test_a_description_that_is_odd_but_allowed_is_understood(shop: Shop, text: str, input_class: str) -> None:
    answer = await shop.ask("POST", "/api/v1/requirements", {"description": text})

    assert (answer.status, answer.body["input_class"]) == (200, input_class)


def nested(depth: int) -> bytes:
    return b'{"name": "x", "content": "x", "model_settings": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


MALFORMED = {
    "cut": b'{"name": ',
    "empty": b"",
    "words": b"hello",
    "single-quotes": b"{'name': 'x'}",
    "trailing-comma": b'{"name": "x",}',
    "not-utf8": b'{"name": "\xff\xfe"}',
    "nan": b'{"name": "nan-x", "model_settings": {"temperature": NaN}}',
    "infinity": b'{"name": "nan-x", "model_settings": {"temperature": -Infinity}}',
    "lone-surrogate": b'{"name": "sur-x", "title": "\\ud800"}',
    "two-documents": b'{"name": "x"} {"name": "y"}',
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_json_is_400_or_422_and_never_stored(stack: StackProcess, shop: Shop, name: str) -> None:
    before = state(stack, shop.person.workspace_id)

    for language in ("en", "zh"):
        answer = await shop.ask("POST", "/api/v1/prompts", MALFORMED[name], language=language)
        expected = (422, "invalid_request") if name == "empty" else (400, "malformed_json")
        check_refusal(answer, *expected, language=language)

    assert state(stack, shop.person.workspace_id) == before


@pytest.mark.parametrize("depth", [2_000, 100_000])
async def test_json_nested_too_deep_is_refused(stack: StackProcess, shop: Shop, depth: int) -> None:
    before = state(stack, shop.person.workspace_id)

    answer = await shop.ask("POST", "/api/v1/prompts", nested(depth))

    assert answer.status in {400, 422}
    check_refusal(answer, answer.status, answer.body["code"])
    assert state(stack, shop.person.workspace_id) == before


BODIES: dict[str, tuple[str, str, Any, str]] = {
    "array": ("POST", "/api/v1/prompts", [], ""),
    "string": ("POST", "/api/v1/prompts", "x", ""),
    "null": ("POST", "/api/v1/prompts", None, ""),
    "unknown-field": ("POST", "/api/v1/prompts", {"name": "n", "workspace_id": NOBODY}, "/workspace_id"),
    "unknown-owner": ("POST", "/api/v1/prompts", {"name": "n", "created_by": {"id": NOBODY}}, "/created_by"),
    "name-number": ("POST", "/api/v1/prompts", {"name": 5}, "/name"),
    "name-missing": ("POST", "/api/v1/prompts", {"title": "t"}, "/name"),
    "name-null": ("POST", "/api/v1/prompts", {"name": None}, "/name"),
    "name-upper": ("POST", "/api/v1/prompts", {"name": "Upper"}, "/name"),
    "name-han": ("POST", "/api/v1/prompts", {"name": "客服"}, "/name"),
    "name-empty": ("POST", "/api/v1/prompts", {"name": ""}, "/name"),
    "name-long": ("POST", "/api/v1/prompts", {"name": "a" * 129}, "/name"),
    "name-deep": ("POST", "/api/v1/prompts", {"name": "/".join("a" * 11)}, "/name"),
    "name-dots": ("POST", "/api/v1/prompts", {"name": "../etc"}, "/name"),
    "title-long": ("POST", "/api/v1/prompts", {"name": "n", "title": "长" * 201}, "/title"),
    "title-nul": ("POST", "/api/v1/prompts", {"name": "n", "title": "a\x00b"}, "/title"),
    "tags-many": ("POST", "/api/v1/prompts", {"name": "n", "tags": [f"t{n}" for n in range(33)]}, "/tags"),
    "tag-long": ("POST", "/api/v1/prompts", {"name": "n", "tags": ["长" * 65]}, "/tags/0"),
    "tags-text": ("POST", "/api/v1/prompts", {"name": "n", "tags": "客服"}, "/tags"),
    "content-and-messages": (
        "POST",
        "/api/v1/prompts",
        {"name": "n", "content": "x", "messages": [{"role": "user", "content": "y"}]},
        "/content",
    ),
    "content-long": ("POST", "/api/v1/prompts", {"name": "n", "content": "a" * (256 * 1024 + 1)}, "/content"),
    "content-nul": ("POST", "/api/v1/prompts", {"name": "n", "content": "a\x00b"}, "/content"),
    "message-role": (
        "POST",
        "/api/v1/prompts",
        {"name": "n", "messages": [{"role": "root", "content": "y"}]},
        "/messages/0/role",
    ),
    "settings-without-content": (
        "POST",
        "/api/v1/prompts",
        {"name": "n", "model_settings": {"temperature": 0.3}},
        "/content",
    ),
    "version-without-content": ("POST", "/api/v1/prompts/{prompt}/versions", {"commit_message": "x"}, "/content"),
    "commit-message-long": (
        "POST",
        "/api/v1/prompts/{prompt}/versions",
        {"content": "x", "commit_message": "长" * 4001},
        "/commit_message",
    ),
    "rollback-huge": ("POST", "/api/v1/prompts/{prompt}/rollback", {"version": 10**30}, "/version"),
    "rollback-zero": ("POST", "/api/v1/prompts/{prompt}/rollback", {"version": 0}, "/version"),
    "rollback-text": ("POST", "/api/v1/prompts/{prompt}/rollback", {"version": "1"}, "/version"),
    "rollback-true": ("POST", "/api/v1/prompts/{prompt}/rollback", {"version": True}, "/version"),
    "rollback-fraction": ("POST", "/api/v1/prompts/{prompt}/rollback", {"version": 1.5}, "/version"),
    "label-latest": ("PUT", "/api/v1/prompts/{prompt}/labels/latest", {"version": 1}, "/label"),
    "label-number": ("PUT", "/api/v1/prompts/{prompt}/labels/v12", {"version": 1}, "/label"),
    "label-upper": ("PUT", "/api/v1/prompts/{prompt}/labels/Prod", {"version": 1}, "/label"),
    "label-han": ("PUT", "/api/v1/prompts/{prompt}/labels/%E7%94%9F%E4%BA%A7", {"version": 1}, "/label"),
    "label-long": ("PUT", f"/api/v1/prompts/{{prompt}}/labels/{'a' * 37}", {"version": 1}, "/label"),
    "label-reason": (
        "PUT",
        "/api/v1/prompts/{prompt}/labels/staging",
        {"version": 1, "reason": "长" * 4001},
        "/reason",
    ),
    "render-list": ("POST", "/api/v1/prompts/{prompt}/render", {"variables": []}, "/variables"),
    "run-kind": ("POST", "/api/v1/runs", {"kind": "paint", "input": {"description": "x"}}, "/kind"),
    "run-layout": (
        "POST",
        "/api/v1/runs",
        {"kind": "generate", "input": {"description": "客服助手", "layout": "pdf"}},
        "/input/layout",
    ),
    "run-both": (
        "POST",
        "/api/v1/runs",
        {"kind": "generate", "input": {"description": "客服助手", "requirement_id": NOBODY}},
        "/input/description",
    ),
    "run-neither": ("POST", "/api/v1/runs", {"kind": "generate", "input": {}}, "/input/description"),
    "run-tokens": (
        "POST",
        "/api/v1/runs",
        {"kind": "generate", "input": {"description": "客服助手", "max_tokens": 3}},
        "/input/max_tokens",
    ),
    "assess-nothing": ("POST", "/api/v1/assessments", {}, "/content"),
    "assess-empty": ("POST", "/api/v1/assessments", {"content": 7}, "/content"),
    "lint-language": ("POST", "/api/v1/lint", {"content": "x", "language": "fr"}, "/language"),
    "key-scope": ("POST", "/api/v1/api-keys", {"name": "k", "scopes": ["root"]}, "/scopes/0"),
    "key-no-scope": ("POST", "/api/v1/api-keys", {"name": "k", "scopes": []}, "/scopes"),
    "key-past": (
        "POST",
        "/api/v1/api-keys",
        {"name": "k", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"},
        "/expires_at",
    ),
    "key-zone": (
        "POST",
        "/api/v1/api-keys",
        {"name": "k", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00"},
        "/expires_at",
    ),
    "key-ip": ("POST", "/api/v1/api-keys", {"name": "k", "scopes": ["read"], "allowed_ips": ["x"]}, "/allowed_ips/0"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_wrong_field_is_422_with_its_pointer(stack: StackProcess, shop: Shop, name: str) -> None:
    method, path, body, pointer = BODIES[name]
    before = state(stack, shop.person.workspace_id)

    for language in ("en", "zh"):
        answer = await shop.ask(method, path, json.dumps(body).encode(), language=language)
        check_refusal(answer, 422, "invalid_request", language=language)
        assert pointer in [one["pointer"] for one in answer.body["errors"]]

    assert state(stack, shop.person.workspace_id) == before


async def test_an_integer_of_5000_digits_is_refused(shop: Shop) -> None:
    answer = await shop.ask("POST", "/api/v1/prompts/{prompt}/rollback", b'{"version": ' + b"9" * 5000 + b"}")

    assert answer.status in {400, 422}
    check_refusal(answer, answer.status, answer.body["code"])


QUERIES = {
    "/api/v1/prompts?limit=0": "/query/limit",
    "/api/v1/prompts?limit=101": "/query/limit",
    "/api/v1/prompts?limit=ten": "/query/limit",
    "/api/v1/prompts?deleted=maybe": "/query/deleted",
    "/api/v1/runs?kind=paint": "/query/kind",
    "/api/v1/runs?state=lost": "/query/state",
    "/api/v1/prompts/{prompt}/versions/0": "/path/number",
    "/api/v1/prompts/{prompt}/versions/one": "/path/number",
    "/api/v1/prompts/{prompt}/versions/99999999999999999999": "/path/number",
    "/api/v1/delivery/a?version=1&label=production": "/query/version",
    "/api/v1/delivery/a?version=0": "/query/version",
}


@pytest.mark.parametrize("path", QUERIES)
async def test_a_wrong_parameter_is_422_with_its_pointer(shop: Shop, path: str) -> None:
    for language in ("en", "zh"):
        answer = await shop.ask("GET", path, language=language)
        check_refusal(answer, 422, "invalid_request", language=language)
        assert [one["pointer"] for one in answer.body["errors"]] == [QUERIES[path]]


LISTS = (
    "/api/v1/prompts",
    "/api/v1/prompts/{prompt}/versions",
    "/api/v1/prompts/{prompt}/labels/production/history",
    "/api/v1/runs",
    "/api/v1/api-keys",
    "/api/v1/me/sessions",
)


async def fill(shop: Shop) -> None:
    """Two of everything that is listed."""
    client = shop.person.client
    path = f"/api/v1/prompts/{shop.prompt['id']}"
    await shop.person.prompt()
    await client.expect(200, "PUT", f"{path}/labels/production", {"version": 2})
    for number in range(2):
        await client.expect(202, "POST", "/api/v1/assessments", {"content": f"你是第{number}名客服。"})
        await client.expect(201, "POST", "/api/v1/api-keys", {"name": "客服网站", "scopes": ["read"]})
    login = {"email": shop.person.email, "password": "correct horse battery staple"}
    await client.expect(200, "POST", "/api/v1/auth/login", login)


async def test_every_list_has_a_second_page_and_takes_no_other_lists_cursor(shop: Shop, new_person: Any) -> None:
    await fill(shop)
    stranger: Person = await new_person()
    cursors = {}

    for path in LISTS:
        first = await shop.ask("GET", f"{path}?limit=1")
        assert (first.status, len(first.body["items"])) == (200, 1), path
        cursors[path] = first.body["next_cursor"]
        second = await shop.ask("GET", f"{path}?limit=1&cursor={cursors[path]}")
        assert (second.status, len(second.body["items"])) == (200, 1), path
        assert second.body["items"] != first.body["items"]
    for path in LISTS:
        others = [cursor for other, cursor in cursors.items() if other != path]
        middle = len(cursors[path]) // 2
        bent = cursors[path][:middle] + ("A" if cursors[path][middle] != "A" else "B") + cursors[path][middle + 1 :]
        for cursor in (*others, bent, cursors[path][:-3], "x", "%00", "%F0%9F%98%80", "A" * 1500):
            for language in ("en", "zh"):
                answer = await shop.ask("GET", f"{path}?cursor={cursor}", language=language)
                check_refusal(answer, 422, "invalid_cursor", language=language)
    answer = await Shop(stranger, shop.prompt).ask("GET", f"/api/v1/prompts?cursor={cursors['/api/v1/prompts']}")
    check_refusal(answer, 422, "invalid_cursor")


async def test_lists_of_a_new_person_are_empty(person: Person) -> None:
    for path in ("/api/v1/prompts", "/api/v1/runs", "/api/v1/api-keys", "/api/v1/prompts?deleted=true&tag=客服"):
        answer = await person.client.expect(200, "GET", path)
        assert answer.body == {"items": [], "next_cursor": None}


async def test_chinese_titles_and_tags_come_back_as_they_were_and_are_found(person: Person) -> None:
    body = {"name": "kefu/faq", "title": "客服智能体（售后）😀", "tags": ["客服", "售后 支持", "É"], "content": "你好"}
    made = (await person.client.expect(201, "POST", "/api/v1/prompts", body)).body
    await person.prompt()

    found = (await person.client.expect(200, "GET", "/api/v1/prompts?tag=客服&folder=kefu")).body["items"]

    assert (made["title"], sorted(made["tags"])) == (body["title"], sorted(body["tags"]))
    assert [one["id"] for one in found] == [made["id"]]


REFUSALS: dict[str, tuple[str, str, Any, int, str]] = {
    "prompt-name-taken": ("POST", "/api/v1/prompts", {"name": "{name}"}, 409, "name_taken"),
    "no-such-label": ("DELETE", "/api/v1/prompts/{prompt}/labels/staging", None, 404, "not_found"),
    "no-such-version-to-label": (
        "PUT",
        "/api/v1/prompts/{prompt}/labels/staging",
        {"version": 99},
        422,
        "invalid_request",
    ),
    "no-such-version-to-render": ("POST", "/api/v1/prompts/{prompt}/render", {"version": 99}, 404, "not_found"),
    "no-such-label-to-render": ("POST", "/api/v1/prompts/{prompt}/render", {"label": "staging"}, 404, "not_found"),
    "no-such-version": ("GET", "/api/v1/prompts/{prompt}/versions/99", None, 404, "not_found"),
    "no-such-version-to-roll-back-to": (
        "POST",
        "/api/v1/prompts/{prompt}/rollback",
        {"version": 99},
        422,
        "invalid_request",
    ),
    "no-such-run": ("POST", "/api/v1/prompts/{prompt}/versions", {"from_run": NOBODY}, 404, "not_found"),
    "no-such-name": ("GET", "/api/v1/delivery/nobody/has/this", None, 404, "not_found"),
    "no-such-delivered-label": ("GET", "/api/v1/delivery/{name}?label=staging", None, 404, "not_found"),
    "no-such-delivered-version": ("GET", "/api/v1/delivery/{name}?version=99", None, 404, "not_found"),
    "no-precondition": ("PATCH", "/api/v1/prompts/{prompt}", {"title": "x"}, 428, "precondition_required"),
    "no-model": (
        "POST",
        "/api/v1/runs",
        {"kind": "generate", "engine": "dashscope", "input": {"description": "客服助手"}},
        503,
        "no_model",
    ),
    "not-a-prompt-request": (
        "POST",
        "/api/v1/auth/switch",
        {"workspace_id": NOBODY},
        404,
        "not_found",
    ),
    "wrong-password": (
        "POST",
        "/api/v1/me/password",
        {"current_password": "not this one at all", "new_password": "correct horse battery staple 2"},
        401,
        "invalid_credentials",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_cannot_be_done_is_refused_in_the_documented_way(stack: StackProcess, shop: Shop, name: str) -> None:
    method, path, body, status, code = REFUSALS[name]
    before = state(stack, shop.person.workspace_id)
    data = json.dumps(body).replace("{name}", shop.prompt["name"]).encode() if body is not None else None

    for language in ("en", "zh"):
        answer = await shop.ask(method, path.replace("{name}", shop.prompt["name"]), data, language=language)
        check_refusal(answer, status, code, language=language)

    assert state(stack, shop.person.workspace_id) == before


async def test_all_missing_variables_are_listed_at_once(shop: Shop) -> None:
    for language in ("en", "zh"):
        answer = await shop.ask(
            "POST", "/api/v1/prompts/{prompt}/render", {"variables": {"other": "x"}}, language=language
        )
        check_refusal(answer, 422, "missing_variables", language=language)
        assert [one["pointer"] for one in answer.body["errors"]] == ["/variables/name", "/variables/city"]


async def test_a_deleted_prompt_can_be_read_but_not_changed_and_its_name_can_be_lost(shop: Shop) -> None:
    await shop.person.client.expect(204, "DELETE", f"/api/v1/prompts/{shop.prompt['id']}")

    kept = await shop.ask("GET", "/api/v1/prompts/{prompt}")
    added = await shop.ask("POST", "/api/v1/prompts/{prompt}/versions", {"content": "x"})
    labelled = await shop.ask("PUT", "/api/v1/prompts/{prompt}/labels/production", {"version": 2})
    delivered = await shop.ask("GET", f"/api/v1/delivery/{shop.prompt['name']}")
    await shop.person.prompt(name=shop.prompt["name"])
    restored = await shop.ask("POST", "/api/v1/prompts/{prompt}/restore")
    renamed = await shop.ask("POST", "/api/v1/prompts/{prompt}/restore", {"name": f"r{secrets.token_hex(4)}"})

    assert kept.body["deleted_at"]
    check_refusal(added, 409, "deleted")
    check_refusal(labelled, 409, "deleted")
    check_refusal(delivered, 404, "not_found")
    check_refusal(restored, 409, "name_taken")
    assert (renamed.status, renamed.body["deleted_at"]) == (200, None)


HEADERS: dict[str, tuple[str, str, Any, dict[str, str], int, str]] = {
    "key-short": ("POST", "/api/v1/prompts", {"name": "n"}, {"Idempotency-Key": "x"}, 422, "invalid_idempotency_key"),
    "key-blank": (
        "POST",
        "/api/v1/prompts",
        {"name": "n"},
        {"Idempotency-Key": "with a blank"},
        422,
        "invalid_idempotency_key",
    ),
    "etag-words": ("PATCH", "/api/v1/prompts/{prompt}", {"title": "x"}, {"If-Match": "latest"}, 412, "stale"),
    "etag-old": ("PATCH", "/api/v1/prompts/{prompt}", {"title": "x"}, {"If-Match": '"999999"'}, 412, "stale"),
    "etag-old-delete": ("DELETE", "/api/v1/prompts/{prompt}", None, {"If-Match": '"999999"'}, 412, "stale"),
    "event-id": ("GET", f"/api/v1/runs/{NOBODY}/events", None, {"Last-Event-ID": "last"}, 422, "invalid_request"),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_a_wrong_header_is_refused(stack: StackProcess, shop: Shop, name: str) -> None:
    method, path, body, headers, status, code = HEADERS[name]
    before = state(stack, shop.person.workspace_id)

    for language in ("en", "zh"):
        answer = await shop.ask(method, path, body, language=language, headers=headers)
        check_refusal(answer, status, code, language=language)

    assert state(stack, shop.person.workspace_id) == before


async def pieces(total_bytes: int) -> AsyncIterator[bytes]:
    yield b'{"name": "big", "content": "'
    for _ in range(total_bytes // 65_536):
        yield b"x" * 65_536
    yield b'"}'


async def test_a_body_over_a_mebibyte_is_413_declared_or_not_and_only_for_who_is_known(
    stack: StackProcess, shop: Shop
) -> None:
    before = state(stack, shop.person.workspace_id)
    token = shop.person.client.access_token

    for language in ("en", "zh"):
        headers = {"Accept-Language": language}
        declared = await ask(stack.url, "POST", "/api/v1/prompts", token=token, data=b" " * (MIB + 1), headers=headers)
        chunked = await ask(stack.url, "POST", "/api/v1/prompts", token=token, data=pieces(2 * MIB), headers=headers)
        unknown = await ask(stack.url, "POST", "/api/v1/prompts", data=b" " * (MIB + 1), headers=headers)
        check_refusal(declared, 413, "too_large", language=language)
        check_refusal(chunked, 413, "too_large", language=language)
        check_refusal(unknown, 401, "unauthenticated", language=language)

    assert state(stack, shop.person.workspace_id) == before


async def test_wrong_methods_and_unknown_routes_are_told_apart(shop: Shop) -> None:
    for method, path, status, code in (
        ("PUT", "/api/v1/prompts", 405, "method_not_allowed"),
        ("TRACE", "/api/v1/prompts", 405, "method_not_allowed"),
        ("POST", "/api/v1/me", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/delivery/a", 405, "method_not_allowed"),
        ("GET", "/api/v1/prompts/", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v2/prompts", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
    ):
        for language in ("en", "zh"):
            answer = await shop.ask(method, path, language=language)
            check_refusal(answer, status, code, language=language)
            assert status != 405 or answer.headers["Allow"]


NONSENSE = (
    "%00",
    "%",
    "%zz",
    "%ff",
    "..%2f..%2fetc",
    "%2e%2e",
    "%F0%9F%98%80",
    "%0d%0aX-A:%20b",
    "a" * 3000,
    "'--",
    "*",
)


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_in_a_path_is_not_found_or_wrong_and_never_a_failure(shop: Shop, nonsense: str) -> None:
    for method, path, body in (
        ("GET", "/api/v1/prompts/{}", None),
        ("DELETE", "/api/v1/prompts/{}", None),
        ("GET", "/api/v1/prompts/{}/versions", None),
        ("PUT", "/api/v1/prompts/{{prompt}}/labels/{}", {"version": 1}),
        ("GET", "/api/v1/runs/{}", None),
        ("GET", "/api/v1/runs/{}/events", None),
        ("POST", "/api/v1/runs/{}/cancel", None),
        ("GET", "/api/v1/delivery/{}", None),
        ("GET", "/api/v1/delivery/a?label={}", None),
        ("DELETE", "/api/v1/api-keys/{}", None),
        ("DELETE", "/api/v1/me/sessions/{}", None),
    ):
        answer = await shop.ask(method, path.format(nonsense), body)
        assert answer.status in {400, 404, 422}, (method, path, answer)
        check_refusal(answer, answer.status, answer.body["code"])
    for path in (
        *(f"/api/v1/prompts?{query}={nonsense}" for query in ("tag", "folder", "label", "author")),
        f"/api/v1/prompts/{{prompt}}/labels/{nonsense}/history",
    ):
        answer = await shop.ask("GET", path)
        assert answer.status in {200, 404}, path
        assert answer.status == 404 or answer.body["items"] == []


ACCOUNTS = (
    ({"email": "nobody", "password": "correct horse battery", "display_name": "x"}, "/email"),
    ({"email": "a@example.com", "password": "short", "display_name": "x"}, "/password"),
    ({"email": "a@example.com", "password": "x" * 129, "display_name": "x"}, "/password"),
    ({"email": "a@example.com", "password": "correct horse battery", "display_name": ""}, "/display_name"),
    ({"email": "a@example.com", "password": "correct horse battery", "display_name": "长" * 201}, "/display_name"),
    ({"email": "a@example.com", "password": "correct horse battery", "display_name": "a\x00"}, "/display_name"),
    ({"email": "a\x00@example.com", "password": "correct horse battery", "display_name": "x"}, "/email"),
    ({"email": "a@example.com", "password": "correct horse battery", "display_name": "x", "role": "admin"}, "/role"),
)


@pytest.mark.parametrize(("body", "pointer"), ACCOUNTS)
async def test_an_account_that_cannot_be_is_422(stack: StackProcess, body: Json, pointer: str) -> None:
    for language in ("en", "zh"):
        answer = await ask(
            stack.url,
            "POST",
            "/api/v1/auth/register",
            data=json.dumps(body).encode(),
            headers={"Accept-Language": language},
        )
        check_refusal(answer, 422, "invalid_request", language=language)
        assert pointer in [one["pointer"] for one in answer.body["errors"]]


async def test_who_registers_twice_and_who_does_not_exist_are_told_so(stack: StackProcess, person: Person) -> None:
    again = {"email": person.email.upper(), "password": "correct horse battery staple", "display_name": "x"}
    wrong = {"email": person.email, "password": "incorrect horse battery"}
    unknown = {"email": "nobody-at-all@example.com", "password": "incorrect horse battery"}
    answers = {}

    for name, path, body in (
        ("again", "register", again),
        ("wrong", "login", wrong),
        ("unknown", "login", unknown),
    ):
        answers[name] = await ask(stack.url, "POST", f"/api/v1/auth/{path}", data=json.dumps(body).encode())

    check_refusal(answers["again"], 409, "email_taken")
    check_refusal(answers["wrong"], 401, "invalid_credentials")
    assert answers["wrong"].body | {"request_id": ""} == answers["unknown"].body | {"request_id": ""}
