"""API keys as messages."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from promptsphere.auth.v1 import api_keys_pb2
from servicekit.errors import InvalidArgument, Violation
from servicekit.rpc import timestamps

from auth_service.api_keys import networks
from auth_service.api_keys.models import ApiKey


def expires_at_from_wire(timestamp: Timestamp) -> datetime:
    """The end that was asked for.

    Raises:
        InvalidArgument: it is no time between the years 1 and 9999.
    """
    try:
        return timestamps.from_wire(timestamp)
    except (ValueError, OverflowError):
        raise InvalidArgument(
            "expires_at must be a time.", violations=[Violation("/expires_at", "must be a time")]
        ) from None


def api_key_to_wire(key: ApiKey) -> api_keys_pb2.ApiKey:
    """A key without its secret, which is stored nowhere."""
    return api_keys_pb2.ApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_at=timestamps.to_wire(key.created_at),
        last_used_at=_optional(key.last_used_at),
        expires_at=_optional(key.expires_at),
        allowed_ips=networks.readable(key.allowed_ips),
        user_id=key.user_id,
        row_version=key.row_version,
    )


def _optional(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else timestamps.to_wire(moment)
