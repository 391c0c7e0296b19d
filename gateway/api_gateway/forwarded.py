"""What proxies of ours say of a connection (X-Forwarded-For, X-Forwarded-Proto); a stranger's word is not heard."""

import ipaddress

from starlette.requests import HTTPConnection


def client_ip(connection: HTTPConnection, trusted_proxies: int) -> str:
    """The client's address: the n-th from the right of X-Forwarded-For behind n proxies of ours; empty if unknown."""
    peer = connection.client.host if connection.client else ""
    if peer.startswith("::ffff:"):  # IPv4 on a socket that hears both
        peer = _plain(ipaddress.ip_address(peer))
    said = _said(connection, "x-forwarded-for") if trusted_proxies else []
    if len(said) < max(1, trusted_proxies):
        return peer
    try:
        return _plain(ipaddress.ip_address(said[-trusted_proxies]))
    except ValueError:
        return peer


def is_https(connection: HTTPConnection, trusted_proxies: int) -> bool:
    """The person's browser speaks TLS, to us or to the first proxy of ours.

    Proxies that add to X-Forwarded-Proto are counted from the right, as for addresses; one that passes on a single
    word is believed, since the proxy next to us is ours.
    """
    said = _said(connection, "x-forwarded-proto") if trusted_proxies else []
    if not said:
        return bool(connection.scope["scheme"] == "https")
    return said[max(-trusted_proxies, -len(said))].lower() == "https"


def _said(connection: HTTPConnection, header: str) -> list[str]:
    given = connection.headers.getlist(header)
    return [part.strip() for part in ",".join(given).split(",")] if given else []


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """One spelling of each address."""
    return str(getattr(address, "ipv4_mapped", None) or address)
