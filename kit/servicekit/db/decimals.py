"""Exact decimals on a database that may have only floats."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class FixedPoint(TypeDecorator[Decimal]):
    """A `Decimal` with a fixed number of places, exact on both databases, so that `sum()` works in SQL.

    Stored as a whole number of the last place (BIGINT): SQLite has no decimals, only floats.
    """

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """Round half even to the last place."""
        del dialect
        if value is None:
            return None
        return int(Decimal(value).scaleb(self.places).to_integral_value(ROUND_HALF_EVEN))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Back to a Decimal; sums come as Decimal from MySQL, as int from SQLite."""
        del dialect
        return None if value is None else Decimal(int(value)).scaleb(-self.places)
