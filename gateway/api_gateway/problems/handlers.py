"""The framework's exception handlers: everything that is raised becomes a problem document."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from servicekit.errors import InvalidArgument, SphereError, Violation
from servicekit.log import get_logger
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from api_gateway.problems.rendering import answer
from api_gateway.problems.table import TABLE

MAX_FIELD_CHARS = 200
MAX_DEPTH = 20
HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FRAMEWORK_WORDS = {
    "not_found": "There is nothing at this address; /docs lists what there is.",
    "method_not_allowed": "This address does not take that method; the Allow header lists those that it takes.",
}

_log = get_logger()


async def on_sphere_error(request: Request, error: Exception) -> Response:
    """Exception handler for what the services and the gateway raise on purpose."""
    assert isinstance(error, SphereError)  # noqa: S101 - registered for this type only
    if error.reason not in TABLE:
        _log.error("reason without a problem", reason=error.reason)
    return answer(request.scope, error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Exception handler for bodies, queries and headers that don't fit their types."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return answer(request.scope, _from_validation(error.errors()))


def _from_validation(errors: Sequence[Mapping[str, Any]]) -> SphereError:
    if any(one["type"] == "json_invalid" for one in errors):
        return InvalidArgument("The body is not valid JSON; check it and send it again.", reason="malformed_json")
    violations = [Violation(_pointer(one["loc"]), str(one["msg"])) for one in errors[:100]]
    return InvalidArgument("Some fields are wrong; see errors, one by one.", violations=violations)


def _pointer(location: Sequence[str | int]) -> str:
    """RFC 6901; what is not in the body says where it is: `/query/limit`."""
    parts = [str(part)[:MAX_FIELD_CHARS].replace("~", "~0").replace("/", "~1") for part in location[:MAX_DEPTH]]
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "".join(f"/{part}" for part in parts)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Exception handler for what the framework itself refuses: no such route, method, media type."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # By the framework only those of the first route that fits; all there are where a mounted app says it.
        said = set(headers.get("Allow", "").split(", "))
        headers["Allow"] = ", ".join(sorted(said | methods_of(request)))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    reason = HTTP_CODES.get(error.status_code, "internal" if error.status_code >= 500 else "bad_request")
    answered = answer(request.scope, SphereError(FRAMEWORK_WORDS.get(reason, TABLE[reason].title + "."), reason=reason))
    for name, value in headers.items():
        answered.headers[name] = value
    return answered


def methods_of(request: Request) -> set[str]:
    """All methods that the path of `request` takes."""
    found = {"OPTIONS"}
    for route in request.app.router.routes:
        for method in METHODS:
            if route.matches({**request.scope, "method": method})[0] is Match.FULL:
                found.add(method)
    return found | {"HEAD"} if "GET" in found else found
