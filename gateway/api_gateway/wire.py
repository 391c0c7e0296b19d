"""From messages to JSON, where more than one resource needs the same piece."""

from datetime import UTC
from typing import Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.prompt.v1 import versions_pb2
from starlette.responses import Response

JSON = "application/json"


def json_response(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer of JSON bytes."""
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers=headers)


def time_text(timestamp: Timestamp) -> str:
    """RFC 3339 in UTC with microseconds."""
    return timestamp.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def embedded(json_text: str) -> object:
    """JSON in text form as a part of an answer, not parsed again; null for an empty text."""
    return orjson.Fragment(json_text) if json_text else None


def page(items: list[Any], next_cursor: str) -> dict[str, Any]:
    """A page of a list."""
    return {"items": items, "next_cursor": next_cursor or None}


def author_json(author: versions_pb2.Author) -> dict[str, Any]:
    """Who did something."""
    return {"type": author.type, "id": author.id, "name": author.name}
