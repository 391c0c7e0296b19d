"""Headers and cookies that an operation takes, where the framework doesn't see them: they are read by the edge."""

from typing import Any, Final

JsonObject = dict[str, Any]

ETAG_EXAMPLE: Final = '"3"'
IDEMPOTENCY_KEY: Final[JsonObject] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat under the same key gets the stored answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 8, "maxLength": 64, "pattern": "^[!-~]{8,64}$"},
    "example": "01980f5e-7c1a-7f3e-9d1b",
}
LAST_EVENT_ID: Final[JsonObject] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event that was seen; what comes after it is sent. None: from the beginning.",
    "schema": {"type": "string", "maxLength": 18, "pattern": "^[0-9]{0,18}$"},
    "example": "1048577",
}
REFRESH_COOKIE: Final[JsonObject] = {
    "name": "ps_refresh",
    "in": "cookie",
    "required": False,
    "description": "The refresh token, as browsers keep it.",
    "schema": {"type": "string"},
}


def add_parameters(operation: JsonObject, path: str) -> None:
    """Add what the edge reads of a request of this operation, as its answers tell."""
    added = []
    responses = operation["responses"]
    if "412" in responses:
        added.append(_if_match(is_required="428" in responses))
    if "`in_progress`" in responses.get("409", {}).get("description", ""):
        added.append(IDEMPOTENCY_KEY)
    if path.endswith("/events"):
        added.append(LAST_EVENT_ID)
    if path.endswith(("/auth/refresh", "/auth/logout")):
        added.append(REFRESH_COOKIE)
    if "304" in responses:
        added.append(_if_none_match())
    if added:
        operation.setdefault("parameters", []).extend(added)


def _if_match(*, is_required: bool) -> JsonObject:
    return {
        "name": "If-Match",
        "in": "header",
        "required": is_required,
        "description": "The `ETag` of the resource as it was read; 412 when it has changed since.",
        "schema": {
            "type": "string",
            "pattern": '^(W/)?"[0-9]{1,18}"$' if is_required else '^((W/)?"[0-9]{1,18}"|\\*)$',
        },
        "example": ETAG_EXAMPLE,
    }


def _if_none_match() -> JsonObject:
    return {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "Entity tags; 304 when what is delivered bears one of them.",
        "schema": {"type": "string"},
        "example": '"9f86d081884c7d65"',
    }
