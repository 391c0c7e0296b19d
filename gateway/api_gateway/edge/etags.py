"""Entity tags and conditional requests (RFC 9110, sections 8.8.3 and 13)."""

import re

from fastapi import Request
from servicekit.errors import Aborted
from servicekit.rpc import metadata

ENTITY_TAG = re.compile(r'(?:W/)?"(\d{1,18})"')


def etag(row_version: int) -> str:
    """The entity tag of a resource with this row version."""
    return f'"{row_version}"'


def if_match(request: Request) -> tuple[tuple[str, str], ...]:
    """An `If-Match` header as the row version that the service compares.

    `*` names no version, so where one is demanded it is as good as none (428): nobody overwrites unseen.

    Raises:
        Aborted: it is no entity tag of ours.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return ()
    match = ENTITY_TAG.fullmatch(given.strip())
    if match is None:
        raise Aborted("If-Match is not an ETag of this resource; read it again first.")
    return ((metadata.IF_MATCH, match[1]),)


def is_not_modified(request: Request, current: str) -> bool:
    """True when `If-None-Match` names the current entity tag, so that 304 is the answer."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return current in tags or "*" in tags
