"""The form of a refresh token: `psr_` and base64url of family, generation and their MAC.

The MAC is computed from the rest, so the successor of a token can be handed out again without being stored.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass

PREFIX = "psr_"
_GENERATION_BYTES = 8
_MAC_BYTES = 32
_BYTES = 16 + _GENERATION_BYTES + _MAC_BYTES


@dataclass(frozen=True, slots=True)
class Presented:
    """What a well-formed refresh token claims; whether it is ours is for its hash to say."""

    family_id: str
    generation: int
    token_hash: bytes


def make(refresh_key: bytes, *, family_id: str, generation: int) -> str:
    """The refresh token of that generation; always the same for the same arguments."""
    body = uuid.UUID(family_id).bytes + generation.to_bytes(_GENERATION_BYTES, "big")
    mac = hmac.digest(refresh_key, body, hashlib.sha256)
    return PREFIX + base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def parse(token: str) -> Presented | None:
    """Take a token apart; None when it does not have the form of one."""
    encoded = token.removeprefix(PREFIX)
    if encoded == token or not token.isascii():
        return None
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    if len(raw) != _BYTES:
        return None
    return Presented(
        family_id=str(uuid.UUID(bytes=raw[:16])),
        generation=int.from_bytes(raw[16 : 16 + _GENERATION_BYTES], "big"),
        token_hash=hash_of(token),
    )
