"""The `Idempotency-Key` header: what calls carry so that a repeated POST does its work once."""

import hashlib
import re
from typing import cast

from fastapi import Request
from servicekit.errors import InvalidArgument, Violation
from servicekit.rpc import metadata

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{8,64}")


def idempotency(request: Request, canonical_body: bytes) -> tuple[tuple[str, str], ...]:
    """The key, and the hash by which its service knows another request; nothing without a key.

    Raises:
        InvalidArgument: `invalid_idempotency_key`, it has not the form of a key.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return ()
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidArgument(
            "Idempotency-Key must be 8 to 64 visible ASCII characters.",
            reason="invalid_idempotency_key",
            violations=[Violation("/header/Idempotency-Key", "8 to 64 visible ASCII characters")],
        )
    # Not from `request.url`: that one is put together with the client's Host header.
    target = f"{request.method} {request.scope['path']}?".encode() + cast("bytes", request.scope["query_string"])
    return (
        (metadata.IDEMPOTENCY_KEY, key),
        (metadata.REQUEST_HASH, hashlib.sha256(target + b"\n" + canonical_body).hexdigest()),
    )
