"""The OpenAPI document: what FastAPI finds, with our security scheme and without what we never answer."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api_gateway.openapi.events import describe_stream
from api_gateway.openapi.examples import add_example
from api_gateway.openapi.links import add_links
from api_gateway.openapi.parameters import add_parameters

DESCRIPTION = """\
Prompt Sphere turns one sentence, in Chinese or English, into a system prompt that is ready for production, keeps every
version and serves it to applications.

Sign in (`/api/v1/auth/login`) and send `Authorization: Bearer <access token>`, or make an API key for an application.
Errors are `application/problem+json`; `code` is stable, `detail` follows `Accept-Language` (zh, en).
"""

# Here a 401 speaks of the credentials in the body or the cookie.
SIGN_IN = ("/api/v1/auth/login", "/api/v1/auth/refresh")

SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token, or an API key (`psk_…`).",
    },
}


def operation_id(route: APIRoute) -> str:
    """The name of an operation, by which generated clients call it: that of its function, as in `createPrompt`."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def describe(app: FastAPI) -> None:
    """Make `app.openapi` build, once, the document that we serve."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    document["components"]["securitySchemes"] = SCHEMES
    # FastAPI's own shape of a 422; ours is a problem document, described where it can happen.
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    for path, operations in document["paths"].items():
        operations.pop("head", None)  # as GET without a body: the same shape, and no name of its own
        for operation in operations.values():
            add_parameters(operation, path)
            add_links(operation)
            _complete(operation, document["components"]["schemas"])
            if "401" in operation["responses"] and not path.startswith(SIGN_IN):
                # An empty demand beside it: who asks from this machine needs no credential.
                operation["security"] = [{"bearer": []}, {}] if path == "/statusz" else [{"bearer": []}]
            for content in _contents(operation):
                add_example(content, document["components"]["schemas"])
    return document


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from holder.get("content", {}).values()


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, response in list(responses.items()):
        content = response.get("content", {})
        if "HTTPValidationError" in str(content):
            del responses[status]
        elif "application/problem+json" in content:
            # FastAPI puts the model under its default media type; a problem has its own.
            schema = content.pop("application/json", {}).get("schema")
            if schema is not None:
                content["application/problem+json"]["schema"] = schema
        elif "text/event-stream" in content:
            describe_stream(content, schemas)
