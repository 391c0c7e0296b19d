"""HEAD, OPTIONS and Allow, on every path that the document or the docs page has."""

import re
from typing import Any

import pytest
from api_gateway.app import create_app
from api_gateway.openapi.docs_page import OPENAPI_PATH
from api_gateway.settings import GatewaySettings
from promptsphere.generation.v1 import runs_pb2

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def methods_by_path() -> dict[str, set[str]]:
    document = create_app(GatewaySettings(auth_target="x", prompt_target="x", generation_target="x")).openapi()
    found = {path: {name.upper() for name in operations} for path, operations in document["paths"].items()}
    # The document has no HEAD and OPTIONS of their own: they are HTTP's, not operations.
    assert all(methods <= METHODS for methods in found.values())
    # A prompt's name may hold anything, so these are the same to the router.
    return found | {path: {"GET"} for path in ("/docs", "/docs/start.js", OPENAPI_PATH, "/docs/assets/favicon.png")}


PATHS = methods_by_path()


def concrete(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: "1" if match[1] == "number" else "x", path)


def with_head(methods: set[str]) -> set[str]:
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
async def test_head_is_get_without_its_body(gateway: Any, path: str) -> None:
    run = runs_pb2.Run(id="r1", state=runs_pb2.RUN_STATE_RUNNING)
    gateway.services.does["GetRun"] = lambda _: runs_pb2.GetRunResponse(run=run)
    headers = gateway.user(role="admin")

    status, answered, body = await gateway.ask("HEAD", concrete(path), headers=headers)

    assert body == b""
    if "GET" not in PATHS[path]:
        assert status == 405
    elif path.endswith("/events"):
        assert (status, answered["Content-Type"].split(";")[0]) == (200, "text/event-stream")
        assert gateway.services.arrived["StreamRun"] == []
    else:
        by_get, asked, _ = await gateway.ask("GET", concrete(path), headers=headers)
        told = {"Content-Type", "Content-Length", "ETag", "Cache-Control", "Location", "Content-Security-Policy"}
        assert status == by_get
        assert {name: answered.get(name) for name in told} == {name: asked.get(name) for name in told}


async def test_head_after_head_on_one_connection(gateway: Any) -> None:
    for path in ("/livez", "/api/v1/openapi.json", "/docs/assets/swagger-ui-bundle.js", "/nothing", "/livez"):
        status, headers, _ = await gateway.ask("HEAD", path)
        assert status == (404 if path == "/nothing" else 200)
        assert int(headers["Content-Length"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
async def test_options_and_allow_list_all_methods_of_a_path(gateway: Any, path: str) -> None:
    status, answered, body = await gateway.ask("OPTIONS", concrete(path))

    assert (status, body) == (204, b"")
    assert set(answered["Allow"].split(", ")) == with_head(PATHS[path])

    for method in {*METHODS, "TRACE", "PROPFIND"} - PATHS[path]:
        status, answered, body = await gateway.ask(method, concrete(path))
        assert (status, body["code"]) == (405, "method_not_allowed")
        assert set(answered["Allow"].split(", ")) == with_head(PATHS[path])


async def test_nothing_is_at_an_unknown_path_for_head_and_options_either(gateway: Any) -> None:
    for method in ("HEAD", "OPTIONS"):
        assert (await gateway.ask(method, "/api/v1/nothing"))[0] == 404


async def test_a_preflight_is_answered_as_before(start: Any) -> None:
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PATCH"}
    async with start(cors_origins="https://app.example.com") as gateway:
        status, answered, body = await gateway.ask("OPTIONS", "/api/v1/me", headers=asked)

    assert (status, body, answered.get("Allow")) == (200, b"OK", None)
    assert answered["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"


@pytest.mark.parametrize(("path", "rpc"), [("/api/v1/me", "UpdateMe"), ("/api/v1/prompts/p1", "UpdatePrompt")])
async def test_null_is_as_good_as_left_out_wherever_a_change_declares_it(gateway: Any, path: str, rpc: str) -> None:
    document = gateway.app.openapi()
    changes = {name: shape for name, shape in document["components"]["schemas"].items() if name.endswith("Patch")}
    assert set(changes) == {"MePatch", "PromptPatch"}
    declared = changes["MePatch" if rpc == "UpdateMe" else "PromptPatch"]["properties"]

    for name in (name for name, shape in declared.items() if "null" in str(shape)):
        assert (await gateway.ask("PATCH", path, json={name: None}, headers=gateway.user()))[0] == 200

    assert [list(request.update_mask.paths) for request, _ in gateway.services.arrived[rpc]] == [[]] * len(declared)
