"""What a PATCH leaves out or gives as null stays as it is: as the document says, so the gateway does."""

from typing import Any

import pytest

OPENAPI = "/api/v1/openapi.json"


async def patches(gateway: Any) -> list[tuple[str, str]]:
    """Each field that the document lets be null, of each PATCH."""
    _, _, document = await gateway.ask("GET", OPENAPI)
    found = []
    for path, methods in document["paths"].items():
        if "patch" not in methods:
            continue
        body = methods["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for name, schema in document["components"]["schemas"][body]["properties"].items():
            if {"type": "null"} in schema.get("anyOf", ()):
                found.append((path, name))
    return found


async def test_null_changes_nothing(gateway: Any) -> None:
    fields = await patches(gateway)
    assert {("/api/v1/me", "locale"), ("/api/v1/me", "display_name"), ("/api/v1/prompts/{id}", "tags")} <= {*fields}
    headers = gateway.user() | {"If-Match": '"1"'}

    for path, name in fields:
        status, _, said = await gateway.ask("PATCH", path.replace("{id}", "x"), json={name: None}, headers=headers)

        assert status == 200, (path, name, said)
    for method in ("UpdateMe", "UpdatePrompt"):
        for request, _ in gateway.services.arrived[method]:
            assert list(request.update_mask.paths) == []


@pytest.mark.parametrize("body", [{"locale": "en", "display_name": None}, {"locale": "en"}])
async def test_what_is_given_beside_it_is_changed(gateway: Any, body: dict[str, Any]) -> None:
    await gateway.ask("PATCH", "/api/v1/me", json=body, headers=gateway.user())

    ((request, _),) = gateway.services.arrived["UpdateMe"]
    assert (list(request.update_mask.paths), request.user.locale) == (["locale"], "en")
