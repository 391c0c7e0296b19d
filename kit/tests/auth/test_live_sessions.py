import pytest
from servicekit.auth import live_sessions
from servicekit.auth.live_sessions import LiveRecord


def entry_of(record: LiveRecord) -> bytes:
    """As `servicekit.redis.cache.Cache` stores it."""
    from servicekit.redis.cache import _pack

    return _pack(live_sessions.encode(record))


def test_what_is_encoded_is_decoded() -> None:
    record = LiveRecord("live", 7, {"w1": "viewer", "w2": "admin"})

    assert live_sessions.decode(entry_of(record)) == record


def test_a_revoked_record_has_no_roles() -> None:
    assert live_sessions.decode(entry_of(LiveRecord("revoked", 8))) == LiveRecord("revoked", 8)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        b"",
        b"7",
        b"7 not json",
        b"7 []",
        b'7 {"state": "live"}',
        b'7 {"state": "asleep", "version": 7, "roles": {}}',
        b'7 {"state": [], "version": 7, "roles": {}}',
        b'7 {"state": "live", "version": "7", "roles": {}}',
        b'7 {"state": "live", "version": 7, "roles": []}',
    ],
)
def test_what_is_not_of_our_making_counts_as_absent(entry: bytes | None) -> None:
    assert live_sessions.decode(entry) is None


def test_the_key_bears_the_id() -> None:
    assert live_sessions.key("abc") == "sess:abc"
