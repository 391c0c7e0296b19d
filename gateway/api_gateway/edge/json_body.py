"""The JSON of a request's body: awaited for so long, strict, bounded, and parsed once."""

import asyncio
from typing import Any, Final

import orjson
from servicekit.errors import DeadlineExceeded, InvalidArgument, SphereError
from starlette.requests import Request

BODY_SECONDS: Final = 30.0
MAX_VALUES: Final = 10_000
"""Numbers, texts, objects and so on in one body; each may become a line of `errors`."""


class UnsupportedMediaType(SphereError):
    """The body is not of the type that this route takes."""

    code = "INVALID_ARGUMENT"
    default_reason = "unsupported_media_type"


class SlowBody(DeadlineExceeded):
    """The client sent its body too slowly, holding a place that others wait for."""

    default_reason = "request_timeout"


class ReadRequest(Request):
    """A request whose body was read and parsed before the framework asks for it."""

    parsed: object = None

    async def json(self) -> Any:
        """The parsed body."""
        return self.parsed


async def received(request: Request) -> bytes:
    """The whole body.

    Raises:
        SlowBody: it did not arrive within thirty seconds.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise SlowBody("The body did not arrive in time; send it again over a better connection.") from None


def parse(body: bytes) -> object:
    """The value in `body`. Stricter than the standard library: no NaN, no lone surrogates, no endless depth.

    Raises:
        InvalidArgument: it is not JSON (`malformed_json`), or holds more values than any request needs.
    """
    try:
        value = orjson.loads(body)
        canonical(value)
    except (orjson.JSONDecodeError, TypeError):
        raise InvalidArgument(
            "The body is not valid JSON, or nested too deeply; check it and send it again.",
            reason="malformed_json",
        ) from None
    if _is_crowded(value):
        raise InvalidArgument(f"The body holds more than {MAX_VALUES} values; send less at a time.")
    return value


def canonical(value: object) -> bytes:
    """The same bytes for the same value, whatever the order of its fields.

    Raises:
        TypeError: it is nested deeper than 254 levels, which cannot be written again.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def demand_json(content_type: str) -> None:
    """See that a body says that it is JSON.

    Raises:
        UnsupportedMediaType: it says that it is something else, or nothing.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType("Send the body as JSON, with Content-Type: application/json.")


def _is_crowded(value: object) -> bool:
    waiting, count = [value], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
            count += len(one)
        elif isinstance(one, list):
            waiting.extend(one)
            count += len(one)
        if count > MAX_VALUES:
            return True
    return False
