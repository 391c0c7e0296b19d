from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from servicekit.rpc.timestamps import from_wire, to_wire


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 9, 30, 0, 123_456, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_a_moment_survives_the_way_to_the_microsecond(moment: datetime) -> None:
    assert from_wire(to_wire(moment)) == moment


def test_a_moment_of_another_zone_arrives_as_the_same_in_utc() -> None:
    moment = datetime(2026, 11, 23, 17, 30, tzinfo=timezone(timedelta(hours=8)))

    arrived = from_wire(to_wire(moment))

    assert arrived == moment
    assert arrived.tzinfo is UTC
    assert arrived.hour == 9


def test_nanoseconds_are_cut_to_microseconds() -> None:
    assert from_wire(Timestamp(nanos=1_999)) == datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-62_135_596_801, 253_402_300_800])
def test_a_year_that_no_datetime_has_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_wire(Timestamp(seconds=seconds))
