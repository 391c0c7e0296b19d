"""Moments between Python and protobuf's Timestamp."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def to_wire(moment: datetime) -> Timestamp:
    """An aware moment as a message."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def from_wire(timestamp: Timestamp) -> datetime:
    """A message as a moment, aware, UTC.

    Raises:
        ValueError: outside the years 1 to 9999, which a message can say and a datetime cannot.
    """
    return timestamp.ToDatetime(tzinfo=UTC)
