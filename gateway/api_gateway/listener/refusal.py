"""Refusals from before there is a request: the same problem documents as everywhere, as bytes for the wire."""

from collections.abc import Iterable
from http import HTTPStatus

import uuid_utils
from servicekit.errors import SphereError

from api_gateway.problems.rendering import EVERY_ANSWER, answer


class HeadersTooLarge(SphereError):
    """The head of the request is too large."""

    code = "OUT_OF_RANGE"
    default_reason = "headers_too_large"

    def __init__(self) -> None:
        super().__init__("The headers are larger than 64 KiB or more than 100; send less.")


class UriTooLong(SphereError):
    """The request's target is too long."""

    code = "OUT_OF_RANGE"
    default_reason = "uri_too_long"

    def __init__(self) -> None:
        super().__init__("The address is longer than 64 KiB; send less, or send it in a body.")


def refusal_bytes(error: SphereError, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, str]:
    """A whole HTTP answer that ends the connection, and its request id; `headers` are those read so far."""
    request_id = str(uuid_utils.uuid7())
    answered = answer({"type": "http", "headers": list(headers), "request_id": request_id}, error)
    for name, value in EVERY_ANSWER.items():
        answered.headers[name] = value
    answered.headers["X-Request-Id"] = request_id
    answered.headers["Connection"] = "close"
    status = HTTPStatus(answered.status_code)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in answered.raw_headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + bytes(answered.body), request_id
