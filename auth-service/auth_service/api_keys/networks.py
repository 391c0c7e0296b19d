"""The networks that a key may come from: one spelling of each, as the gateway compares them."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

MAX_NETWORKS: Final = 32
MAX_NETWORK_CHARS: Final = 64
"""The longest address with the longest prefix has 49."""
NOBODY: Final = "::/128"
"""The unspecified address, which nobody sends from: what stands for an entry that cannot be read."""
MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
SCOPE_ID: Final = re.compile(r"%[^/]*")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NotANetwork(ValueError):
    """A text is no address or network; its own text says what to do, after the field's name."""


def canonical(text: str) -> str:
    """An address or network in CIDR form; an IPv4 network that was mapped into IPv6 is itself again.

    The gateway unwraps a peer's mapped address before it compares, so a mapped network would never match.

    Raises:
        NotANetwork: it is none, too long, has a scope id, or names a host within a network.
    """
    if len(text) > MAX_NETWORK_CHARS:
        raise NotANetwork(f"must have at most {MAX_NETWORK_CHARS} characters")
    if "%" in text:
        # The interface that a link-local address is reached by means something on one host only, and is not compared.
        raise NotANetwork("must not have a scope id: leave out the % and what follows it")
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise NotANetwork("must be an address or a network such as 192.0.2.0/24") from None
    if not _is_exact(text):
        raise NotANetwork(f"names a host within a network: write {_unwrapped(network)} for all of it")
    return str(_unwrapped(network))


def readable(stored: Sequence[str]) -> list[str]:
    """Networks as they were stored, in today's form.

    Earlier versions took scope ids of any length and mapped addresses. An entry that cannot be read at all stays as one
    that nobody comes from: were it left out, the key might be good from anywhere.
    """
    return list(dict.fromkeys(_readable(text) for text in stored))


def is_inside(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """True when every network of `inner` lies within one of `outer`; an empty `inner` is everything."""
    allowed = [ipaddress.ip_network(text) for text in readable(outer)]
    asked = [ipaddress.ip_network(text) for text in readable(inner)]
    return bool(asked) and all(any(_contains(network, one) for network in allowed) for one in asked)


def _readable(text: str) -> str:
    plain = SCOPE_ID.sub("", text, count=1)
    if len(plain) > MAX_NETWORK_CHARS:
        return NOBODY
    try:
        return str(_unwrapped(ipaddress.ip_network(plain, strict=False)))
    except ValueError:
        return NOBODY


def _is_exact(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _unwrapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(MAPPED):
        return network
    mapped = network.network_address.ipv4_mapped
    assert mapped is not None  # noqa: S101 - it lies in MAPPED
    return ipaddress.IPv4Network((mapped, network.prefixlen - MAPPED.prefixlen))


def _contains(outer: Network, inner: Network) -> bool:
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
