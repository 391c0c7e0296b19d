"""The secret of an API key: `psk_` and 43 letters and digits, which hold 256 random bits."""

import hashlib
import secrets
import string

PREFIX = "psk_"
SHOWN_CHARS = 12
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARS = 43


def make() -> str:
    """A new secret; letters and digits only, so that a double click selects all of it."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))


def prefix_of(secret: str) -> str:
    """What stays visible, to recognise the key by."""
    return secret[:SHOWN_CHARS]


def hash_of(secret: str) -> bytes:
    """What is stored and looked up; no guess can be made at 256 random bits, so it need not be slow."""
    return hashlib.sha256(secret.encode()).digest()
