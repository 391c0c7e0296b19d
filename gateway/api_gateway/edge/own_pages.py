"""Whether a browser asks for one of our own pages: what a cookie does is done for these alone."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from servicekit.errors import PermissionDenied

SITES: Final = frozenset({"same-origin", "same-site", "none"})
PORTS: Final = {"http": 80, "https": 443}


def check_own_page(request: Request, allowed_origins: Collection[str]) -> None:
    """See that no foreign page makes a browser use its cookie here; what sends neither header is no browser.

    The scheme is not compared: behind a proxy that is not known as ours we see http where the browser sees https, and
    browsers call such a pair cross-site themselves.

    Raises:
        PermissionDenied: `Sec-Fetch-Site` or `Origin` names another site, or there are several of them.
    """
    sites, origins = (request.headers.getlist(name) for name in ("sec-fetch-site", "origin"))
    is_own_site = not sites or (len(sites) == 1 and sites[0].strip().lower() in SITES)
    is_own_origin = not origins or (
        len(origins) == 1
        and (origins[0] in allowed_origins or _names_host(origins[0], request.headers.get("host", "")))
    )
    if not is_own_site or not is_own_origin:
        raise PermissionDenied("Sessions can't be used from another site's page.", metadata={"needed": "own origin"})


def _names_host(origin: str, host: str) -> bool:
    try:
        given = urlsplit(origin)
        port = given.port or PORTS[given.scheme]
        asked = urlsplit(f"{given.scheme}://{host}")
        return (given.hostname, port) == (asked.hostname, asked.port or PORTS[given.scheme]) and bool(given.hostname)
    except (KeyError, ValueError):
        return False
