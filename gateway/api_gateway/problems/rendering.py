"""Errors as `application/problem+json` (RFC 9457), in the language that the client asks for."""

import math
from typing import Any, Final

import orjson
from servicekit.errors import SphereError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from api_gateway.problems.table import TABLE, Entry

MEDIA_TYPE = "application/problem+json"
EVERY_ANSWER: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""The headers of every answer, unless it has its own."""


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


def answer(scope: Scope, error: SphereError) -> Response:
    """The HTTP answer for `error`, with `Retry-After` and `WWW-Authenticate` where they belong."""
    language = language_of(Headers(scope=scope).get("accept-language", ""))
    body = document(error, language=language, request_id=scope.get("request_id", ""))
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    status: int = body["status"]
    if status in {429, 503}:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds or 1)))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="promptsphere", error="invalid_token"'
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)
