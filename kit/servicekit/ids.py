"""Ids: UUIDv7 (RFC 9562) in their canonical spelling, 36 characters."""

import re

import uuid_utils

_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A new UUIDv7; ids made later by this process sort later."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    """True when the text can be an id at all; anything else need not be looked for."""
    return _CANONICAL.fullmatch(text) is not None
