"""Live records: what auth-service leaves in Redis about a session or API key, and every gateway reads.

Pure format; auth-service alone writes (through `servicekit.redis.cache.Cache(NAMESPACE)`, whose entries begin with
their version), gateways read the key and decode.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import orjson

from servicekit.json_types import JsonValue
from servicekit.redis.cache import Versioned

NAMESPACE: Final = "sess"
TTL_SECONDS: Final = 30.0

State = Literal["live", "revoked"]


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """Whether a session or API key may be used now, and as what.

    Attributes:
        state: `live` or `revoked`.
        version: grows with every change; of two records the larger version is true.
        roles: workspace id to `viewer`, `editor` or `admin`.
    """

    state: State
    version: int
    roles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def key(subject_id: str) -> str:
    """The Redis key of a session's or API key's record; `subject_id` is claim `sid`."""
    return f"{NAMESPACE}:{subject_id}"


def encode(record: LiveRecord) -> Versioned:
    """The record as a cache entry."""
    roles: dict[str, JsonValue] = dict(record.roles)
    return Versioned({"state": record.state, "version": record.version, "roles": roles}, record.version)


def decode(entry: bytes | str | None) -> LiveRecord | None:
    """The record in a Redis value; None when there is none, or it is not of our making: ask auth-service then."""
    if not isinstance(entry, bytes):
        return None
    try:
        value = orjson.loads(entry.partition(b" ")[2])
        state, version, roles = value["state"], value["version"], value["roles"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if state not in ("live", "revoked") or not isinstance(version, int) or not isinstance(roles, dict):
        return None
    return LiveRecord(state=state, version=version, roles=MappingProxyType(roles))
