"""Server-sent events as bytes (WHATWG HTML, section 9.2)."""

from collections.abc import Callable
from typing import Final

import orjson

from api_gateway.backends import RunEvent

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HEARTBEAT: Final = b": heartbeat\n\n"
DRAINING: Final = b": draining\n\n"
END_EVENTS: Final = frozenset({"done", "error"})

EndData = Callable[[RunEvent], bytes]
"""Makes the JSON object of an end event from its run."""


def frame(event: RunEvent, end_data: EndData) -> bytes:
    """One event as the wire wants it: `id:`, `event:`, `data:` with one JSON object on one line."""
    data = end_data(event) if event.event in END_EVENTS else _one_line(event.data_json)
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.event.encode("ascii"), data)


def _one_line(data_json: str) -> bytes:
    data = data_json.encode()
    if b"\n" in data or b"\r" in data:
        return orjson.dumps(orjson.loads(data))
    return data
