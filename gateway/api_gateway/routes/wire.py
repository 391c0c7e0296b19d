"""From messages to JSON, where resources of several services need the same piece."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.generation.v1 import runs_pb2
from promptsphere.prompt.v1 import versions_pb2
from servicekit.rpc.timestamps import from_wire
from starlette.responses import Response

JSON = "application/json"

T = TypeVar("T")


def json_response(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer of JSON bytes."""
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers=headers)


def time_text(timestamp: Timestamp) -> str:
    """RFC 3339 in UTC with microseconds."""
    return from_wire(timestamp).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def embedded(json_text: str) -> object:
    """JSON in text form as a part of an answer, not parsed again; null for an empty text."""
    return orjson.Fragment(json_text) if json_text else None


def page_response(items: Iterable[T], to_json: Callable[[T], object], next_cursor: str = "") -> Response:
    """A page of a list; without a cursor the last one."""
    return json_response({"items": [to_json(one) for one in items], "next_cursor": next_cursor or None})


def author_json(author: versions_pb2.Author | runs_pb2.Creator) -> dict[str, Any]:
    """Who did something."""
    return {"type": author.type, "id": author.id, "name": author.name}
