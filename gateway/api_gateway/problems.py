"""Errors as `application/problem+json` (RFC 9457), in the language that the client asks for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from servicekit.errors import InvalidArgument, SphereError, Violation
from servicekit.log import get_logger
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api_gateway.problem_table import TABLE, Entry

MEDIA_TYPE = "application/problem+json"
MAX_FIELD_CHARS = 200
MAX_DEPTH = 20
HTTP_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}
FRAMEWORK_WORDS = {
    "not_found": "There is nothing at this address; /docs lists what there is.",
    "method_not_allowed": "This address does not take that method; the Allow header lists those that it takes.",
}

_log = get_logger()


class TooLarge(SphereError):
    """The body is larger than this route takes."""

    code = "OUT_OF_RANGE"
    default_reason = "too_large"


def language_of(accept_language: str) -> str:
    """`zh` or `en`: the one of the two that an Accept-Language header (RFC 9110) prefers; `en` when neither."""
    best, best_weight = "en", 0.0
    for part in accept_language[:400].split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        if primary not in {"zh", "en"}:
            continue
        weight = _weight(parameter)
        if weight > best_weight:
            best, best_weight = primary, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if math.isfinite(weight) else 0.0


def document(error: SphereError, *, language: str, request_id: str | None = None) -> dict[str, Any]:
    """The members of the problem document for `error`; without `request_id` where none belongs (a run's error)."""
    entry = TABLE.get(error.reason) or TABLE["internal"]
    body: dict[str, Any] = {
        "type": f"urn:promptsphere:problem:{error.reason}",
        "title": entry.title_zh if language == "zh" else entry.title,
        "status": entry.status,
        "detail": _detail(entry, error, language),
        "code": error.reason,
    }
    if request_id is not None:
        body["request_id"] = request_id
    if error.violations:
        body["errors"] = [{"pointer": one.pointer, "message": one.message} for one in error.violations]
    return body


def _detail(entry: Entry, error: SphereError, language: str) -> str:
    if language != "zh":
        return entry.en or error.message
    try:
        return entry.zh.format_map(dict(error.metadata))
    except (KeyError, IndexError, ValueError):
        return entry.title_zh + "。"


def response(error: SphereError, *, accept_language: str, request_id: str) -> Response:
    """The HTTP answer for `error`, with `Retry-After` and `WWW-Authenticate` where they belong."""
    language = language_of(accept_language)
    body = document(error, language=language, request_id=request_id)
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    status: int = body["status"]
    if status in {429, 503}:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds or 1)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="promptsphere", error="invalid_token"'
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def answer(request: Request, error: SphereError) -> Response:
    """`response` with what it needs taken from the request."""
    return response(
        error,
        accept_language=request.headers.get("accept-language", ""),
        request_id=request.scope.get("request_id", ""),
    )


async def on_sphere_error(request: Request, error: Exception) -> Response:
    """Exception handler for what the services and the gateway raise on purpose."""
    assert isinstance(error, SphereError)  # noqa: S101 - registered for this type only
    if error.reason not in TABLE:
        _log.error("reason without a problem", reason=error.reason)
    return answer(request, error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Exception handler for bodies, queries and headers that don't fit their types."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return answer(request, _from_validation(error.errors()))


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
    reason = HTTP_CODES.get(error.status_code, "internal" if error.status_code >= 500 else "bad_request")
    answered = answer(request, SphereError(FRAMEWORK_WORDS.get(reason, TABLE[reason].title + "."), reason=reason))
    for name, value in (error.headers or {}).items():
        answered.headers[name] = value
    return answered
