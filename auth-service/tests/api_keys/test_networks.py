"""The networks of a key: whatever is accepted matches as the gateway compares, and has one short spelling."""

import ipaddress

import pytest
from auth_service.api_keys import networks
from auth_service.api_keys.networks import MAX_NETWORK_CHARS, NOBODY, NotANetwork
from hypothesis import given
from hypothesis import strategies as st

PIECES = (
    *("fe80::1", "::ffff:", "127.0.0.1", "10.0.0.0", "192.0.2.", "2001:db8::", "::", "%", "%eth0"),
    *("/", "/0", "/8", "/24", "/96", "/104", "/128", "/255.0.0.0", "1", "ffff", ":", ".", ""),
    *(" ", "٣", "é", "\0", "a" * 200, "-1"),
)


def spelt() -> st.SearchStrategy[str]:
    """Addresses and networks of both kinds, mapped and scoped ones among them, and what looks like them."""
    exact = st.one_of(st.ip_addresses().map(str), st.ip_addresses(v=4).map(lambda one: f"::ffff:{one}"))
    with_prefix = st.tuples(exact, st.integers(0, 128)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(exact, with_prefix, st.lists(st.sampled_from(PIECES), max_size=5).map("".join), st.text())


def peer(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as the gateway compares it: never a mapped one."""
    return getattr(address, "ipv4_mapped", None) or address


@given(spelt())
def test_what_is_accepted_has_one_short_spelling_and_matches_its_own_addresses(text: str) -> None:
    try:
        kept = networks.canonical(text)
    except NotANetwork:
        return

    network = ipaddress.ip_network(kept)
    asked = ipaddress.ip_network(text)
    assert len(kept) <= MAX_NETWORK_CHARS
    assert networks.canonical(kept) == kept
    assert networks.readable([text]) == [kept]
    assert peer(asked.network_address) in network
    assert peer(asked.broadcast_address) in network


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1/32"),
        ("::FFFF:7f00:1", "127.0.0.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:DB8:0::/48", "2001:db8::/48"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("0:0:0:0:0:0:0:1", "::1/128"),
    ],
)
def test_one_spelling_of_each(text: str, kept: str) -> None:
    assert networks.canonical(text) == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fe80::1%", "scope id"),
        ("fe80::1%eth0", "scope id"),
        ("fe80::%eth0/64", "scope id"),
        ("::ffff:1.2.3.4%1", "scope id"),
        ("192.0.2.1/24", "write 192.0.2.0/24"),
        ("::ffff:10.1.2.3/104", "write 10.0.0.0/8"),
        ("2001:db8::1/64", "write 2001:db8::/64"),
        ("fe80::1%" + "a" * 900_000, "at most 64 characters"),
        ("1" * 65, "at most 64 characters"),
        (" 10.0.0.1", "such as"),
        ("localhost", "such as"),
        ("", "such as"),
    ],
    ids=lambda text: text[:20],
)
def test_a_refusal_says_what_to_do(text: str, says: str) -> None:
    with pytest.raises(NotANetwork, match=says):
        networks.canonical(text)


def test_what_earlier_versions_stored_reads_as_what_it_meant_and_never_as_nothing() -> None:
    stored = ["fe80::1%", "fe80::1%" + "a" * 900_000 + "/128", "::ffff:192.0.2.1/128", "10.0.0.0/8", "ruined"]

    assert networks.readable(stored) == ["fe80::1/128", "192.0.2.1/32", "10.0.0.0/8", NOBODY]
    assert networks.readable(["x" * 100]) == [NOBODY]
    assert networks.readable([]) == []
