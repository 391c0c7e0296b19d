"""`gateway/openapi.json` is the document that is served; `make openapi` writes it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_gateway.app import create_app
from api_gateway.settings import GatewaySettings

FILE = Path(__file__).parents[1] / "openapi.json"


@pytest.fixture(scope="module")
def document() -> Any:
    return create_app(GatewaySettings(auth_target="-", prompt_target="-", generation_target="-")).openapi()


def test_the_committed_document_is_the_one_that_is_served(document: Any) -> None:
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(document)), "run `make openapi` and look at the change"


def test_operations_have_names_that_a_person_would_give_them(document: Any) -> None:
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]

    assert len(names) == len(set(names))
    assert all(name.isalpha() and len(name) <= 24 for name in names)
    assert {"createPrompt", "listLabelEvents", "updateMe", "deliver"} <= set(names)


def test_links_lead_to_operations_and_parameters_that_exist(document: Any) -> None:
    operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    links = [
        link
        for one in operations.values()
        for response in one["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert len(links) >= 20
    for link in links:
        taken = {parameter["name"] for parameter in operations[link["operationId"]]["parameters"]}
        assert link["parameters"].keys() <= taken, link


# Words of our own making and JSON of the caller's own are bounded elsewhere; a wrong sign-in is only wrong.
FREE = {"JsonValue", "LoginBody", "current_password", "refresh_token", "model", "ps_refresh", "If-None-Match"}


def unsaid(schema: Any, schemas: Any, place: str = "", name: str = "") -> Iterator[str]:
    """The strings and lists below a schema that say nothing of what they take."""
    if "$ref" in schema:
        reference = schema["$ref"].rpartition("/")[2]
        if reference not in FREE and reference not in place.split("."):
            yield from unsaid(schemas[reference], schemas, f"{place}.{reference}", name)
        return
    says = schema.keys() & {"maxLength", "enum", "const", "format", "pattern", "maxItems"}
    if schema.get("type") in {"string", "array"} and not says and name not in FREE:
        yield place
    parts = [*schema.get("anyOf", ()), *(one for one in schema.get("oneOf", ()) if "properties" not in one)]
    for part in parts + ([schema["items"]] if "items" in schema else []):
        yield from unsaid(part, schemas, place, name)
    for field, part in schema.get("properties", {}).items():
        yield from unsaid(part, schemas, f"{place}.{field}", field)


def test_every_string_and_list_of_a_request_says_what_is_taken(document: Any) -> None:
    schemas = document["components"]["schemas"]
    without: list[str] = []

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            without += unsaid(body, schemas, f"{method} {path}")
            for parameter in operation.get("parameters", ()):
                without += unsaid(parameter["schema"], schemas, f"{method} {path}", parameter["name"])

    assert without == []
    assert list(unsaid({"properties": {"a": {"type": "array", "items": {"type": "string"}}}}, {})) == [".a", ".a"]


def test_the_preconditions_are_declared_where_they_are_checked(document: Any) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            headers = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "header"}
            assert ("If-Match" in headers) == ("412" in operation["responses"]), (method, path)
            if "428" in operation["responses"]:
                assert headers["If-Match"]["required"], (method, path)
            assert ("Last-Event-ID" in headers) == path.endswith("/events"), path


def test_each_stream_says_what_its_events_hold(document: Any) -> None:
    streams = [
        content["text/event-stream"]
        for path in document["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        if "text/event-stream" in (content := response.get("content", {}))
    ]

    assert len(streams) == 3
    assert {one["schema"]["$ref"] for one in streams} == {"#/components/schemas/RunEvent"}
    events = document["components"]["schemas"]["RunEvent"]["discriminator"]["mapping"]
    for event in events.values():
        data = document["components"]["schemas"][event.rpartition("/")[2]]["properties"]["data"]
        assert (data["type"], data["contentMediaType"]) == ("string", "application/json")
        assert "$ref" in data["contentSchema"]
    assert events.keys() == {"meta", "stage", "delta", "usage", "done", "error"}
