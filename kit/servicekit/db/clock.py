"""The database's clock in SQL: the one that all processes share."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement

from servicekit.db.schema import UtcDateTime


class DatabaseTime(ColumnElement[datetime]):
    """The database's own clock in SQL, UTC, moved by `offset`: what leases go by."""

    inherit_cache = False
    type = UtcDateTime()

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset_microseconds = round(offset.total_seconds() * 1_000_000)


@compiles(DatabaseTime, "mysql")
def _mysql_time(element: DatabaseTime, _compiler: SQLCompiler, **_options: Any) -> str:
    return f"(UTC_TIMESTAMP(6) + INTERVAL {element.offset_microseconds:d} MICROSECOND)"


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, _compiler: SQLCompiler, **_options: Any) -> str:
    # %f ends at milliseconds; the zeros make it as long as what SQLAlchemy stores: texts compare as times.
    offset_seconds = element.offset_microseconds / 1_000_000
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '{offset_seconds:+.3f} seconds') || '000')"


@compiles(DatabaseTime)
def _shown_time(element: DatabaseTime, _compiler: SQLCompiler, **_options: Any) -> str:
    # For messages and logs, which are rendered without a dialect.
    return f"database_time({element.offset_microseconds:d} us)"
