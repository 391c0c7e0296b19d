"""The size of a body is judged before anyone parses it, by its declared length and again as it comes in."""

from typing import Final

from servicekit.errors import SphereError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIB: Final = 1024 * 1024
DEFAULT_BYTES: Final = MIB
BYTES_BY_PREFIX: Final = (("/api/v1/prompts/import", 20 * MIB), ("/v1/", 8 * MIB))


class TooLarge(SphereError):
    """The body is larger than this route takes."""

    code = "OUT_OF_RANGE"
    default_reason = "too_large"


class BodyLimit:
    """Raises `TooLarge` where the body is read, so that who is not known is told that first."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_bytes(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        is_declared_too_large = not declared.isascii() or not declared.isdigit() or int(declared[:12]) > limit
        received = 0

        async def limited() -> Message:
            nonlocal received
            if is_declared_too_large:
                raise refusal(limit)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise refusal(limit)
            return message

        await self._app(scope, limited, send)


def limit_bytes(path: str) -> int:
    """The largest body that this path takes."""
    return next((limit for prefix, limit in BYTES_BY_PREFIX if path.startswith(prefix)), DEFAULT_BYTES)


def refusal(limit: int) -> TooLarge:
    """The error that names the limit."""
    return TooLarge(f"The body is larger than {limit // MIB} MiB; send less.")
