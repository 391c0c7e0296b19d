"""Bounded lists by keyset: a signed cursor says after which row the next page begins."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from servicekit.errors import InvalidArgument, Violation

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_MAC_BYTES = 16
# A position holds a few keys, of which a Name of 768 characters is the longest.
_MAX_CURSOR_CHARACTERS = 8192

T = TypeVar("T")
Key = str | int | datetime | None
Position = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class ListScope:
    """What a cursor is for: it is refused by any other list, filter or workspace.

    Attributes:
        name: of the list, `prompts`.
        workspace_id: whose.
        filters: everything that selects or orders the rows, as the caller gave it.
    """

    name: str
    workspace_id: str
    filters: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, and the cursor of the next; empty when this is the last."""

    items: Sequence[T]
    next_cursor: str


def page_limit(asked: int) -> int:
    """The number of rows to give: 20 when `asked` is 0 (unset), else 1 to 100.

    Raises:
        InvalidArgument: outside of that.
    """
    if asked == 0:
        return DEFAULT_LIMIT
    if not 1 <= asked <= MAX_LIMIT:
        message = f"must be between 1 and {MAX_LIMIT}"
        raise InvalidArgument(f"limit {message}.", violations=[Violation("/limit", message)])
    return asked


class CursorSigner:
    """Makes cursors and opens its own only."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of this service.

        Raises:
            ValueError: it is shorter than 16 bytes.
        """
        if len(secret) < 16:
            raise ValueError("a cursor secret has at least 16 bytes")
        self._secret = hashlib.sha256(b"promptsphere cursor\0" + secret).digest()

    def seal(self, scope: ListScope, position: Position) -> str:
        """The cursor that says "after this position of this list"."""
        body = orjson.dumps([_to_json(key) for key in position])
        return base64.urlsafe_b64encode(self._mac(scope, body) + body).decode().rstrip("=")

    def open(self, scope: ListScope, cursor: str) -> Position | None:
        """The position in a cursor; None when it is empty, which is the beginning.

        Raises:
            InvalidArgument: `invalid_cursor`, not made here for this list, these filters and workspace.
        """
        if not cursor:
            return None
        if len(cursor) > _MAX_CURSOR_CHARACTERS:
            raise _invalid()
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(scope, body)):
            raise _invalid()
        return tuple(_from_json(key) for key in orjson.loads(body))

    def _mac(self, scope: ListScope, body: bytes) -> bytes:
        bound = orjson.dumps([scope.name, scope.workspace_id, dict(scope.filters)], option=orjson.OPT_SORT_KEYS)
        digest = hmac.new(self._secret, len(bound).to_bytes(4, "big") + bound + body, hashlib.sha256)
        return digest.digest()[:_MAC_BYTES]


async def page(
    session: AsyncSession,
    statement: Select[T],
    *,
    order: Sequence[InstrumentedAttribute[Any]],
    signer: CursorSigner,
    scope: ListScope,
    limit: int,
    cursor: str,
    descending: bool = False,
) -> Page[T]:
    """Run a `select(Entity)` for one page.

    Args:
        session: of a read transaction.
        statement: selects one mapped class, with its filters, without order and limit.
        order: columns of that class, none of them nullable, which together are unique (end with the id).
        signer: of this service.
        scope: the list, its filters and workspace.
        limit: as asked, see `page_limit`.
        cursor: as given by the caller, empty at the beginning.
        descending: the highest first.

    Raises:
        InvalidArgument: `invalid_cursor`, or a wrong limit.
    """
    count = page_limit(limit)
    position = signer.open(scope, cursor)
    if position is not None:
        statement = statement.where(after(order, position, descending=descending))
    ordering = [column.desc() if descending else column.asc() for column in order]
    # One row more than shown tells whether there is a next page.
    rows = list(await session.scalars(statement.order_by(*ordering).limit(count + 1)))
    if len(rows) <= count:
        return Page(rows, "")
    last = rows[count - 1]
    return Page(rows[:count], signer.seal(scope, tuple(getattr(last, column.key) for column in order)))


def after(
    order: Sequence[ColumnElement[Any] | InstrumentedAttribute[Any]],
    position: Position,
    *,
    descending: bool = False,
) -> ColumnElement[bool]:
    """The condition "comes after `position`" in that order.

    Spelt out instead of `(a, b) > (x, y)`, which MySQL does not find through an index.
    """
    if len(order) != len(position):
        raise _invalid()
    choices = []
    for index, column in enumerate(order):
        beyond = column < position[index] if descending else column > position[index]
        same = [earlier == position[i] for i, earlier in enumerate(order[:index])]
        choices.append(and_(*same, beyond))
    first = order[0] <= position[0] if descending else order[0] >= position[0]
    return and_(first, or_(*choices))


def _to_json(key: Key) -> object:
    return {"at": key.astimezone(UTC).isoformat()} if isinstance(key, datetime) else key


def _from_json(key: Any) -> Key:
    return datetime.fromisoformat(key["at"]) if isinstance(key, dict) else key


def _invalid() -> InvalidArgument:
    return InvalidArgument(
        "This cursor does not belong to this list; begin again without one.",
        reason="invalid_cursor",
        violations=[Violation("/cursor", "must be the next_cursor of the same list and filters")],
    )
