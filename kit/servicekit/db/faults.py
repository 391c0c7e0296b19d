"""What a database error means: try the unit again, tell the caller to come back, or let it pass."""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from servicekit.errors import Unavailable

DEADLOCK = 1213
LOCK_WAIT = 1205

# MySQL and MariaDB: the transaction was rolled back (or will be, by us); the whole unit may run again.
_MYSQL_CONTENTION = frozenset({DEADLOCK, LOCK_WAIT})
_SQLITE_CONTENTION = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_MYSQL_UNAVAILABLE = frozenset(
    {
        0,  # aiomysql's "not connected": the socket was closed under a statement
        1021,  # disk full
        1040,  # too many connections
        1044,  # access to the schema denied
        1045,  # wrong password
        1049,  # unknown schema
        1053,  # server shutdown in progress
        1114,  # table (tablespace) full
        1129,  # host blocked after many connection errors
        1158, 1159, 1160, 1161,  # network errors
        1203, 1226,  # the user has used up its connections or resources
        1290, 1836,  # read-only server
        1317,  # query killed
        1927,  # connection killed (MariaDB)
        1969,  # statement over max_statement_time (MariaDB)
        2002, 2003, 2005, 2006, 2013, 2014, 2055,  # cannot connect, gone away, lost
        3024,  # statement over max_execution_time (MySQL 8)
    },
)  # fmt: skip
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
    },
)


class Contended(Unavailable):
    """Others held the rows for longer than all tries together; nothing was changed."""


def unreachable(cause: str) -> Unavailable:
    """The answer to a caller when the database did not answer us; `cause` is a short reason, not a secret."""
    return Unavailable(
        f"The database is not available at the moment ({cause}); try again in a second.",
        retry_after_seconds=1.0,
    )


def contended() -> Contended:
    """The answer to a caller whose unit lost every try."""
    return Contended(
        "Many changes are being made to the same data; try again in a second.",
        retry_after_seconds=1.0,
    )


def is_contention(error: BaseException) -> bool:
    """True when the transaction lost against another one, so that the whole unit may run again."""
    if not isinstance(error, DBAPIError):
        return False
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        return _sqlite_code(origin) in _SQLITE_CONTENTION
    return mysql_code(error) in _MYSQL_CONTENTION


def is_deadlock(error: BaseException) -> bool:
    """True when the server ended the transaction because each of two waited for the other."""
    return isinstance(error, DBAPIError) and mysql_code(error) == DEADLOCK


def translated(error: BaseException) -> Unavailable | None:
    """The `Unavailable` that says this error to a caller, or None for a defect, which must pass as it is."""
    if isinstance(error, PoolTimeout):
        return unreachable("all connections are busy")
    if not isinstance(error, DBAPIError):
        return None
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        code = _sqlite_code(origin)
        return unreachable("the file cannot be used") if code in _SQLITE_UNAVAILABLE else None
    if error.connection_invalidated:
        return unreachable("the connection was lost")
    if mysql_code(error) in _MYSQL_UNAVAILABLE:
        return unreachable("the server did not answer")
    return None


def mysql_code(error: DBAPIError) -> int:
    """The number of a MySQL error, -1 when it has none."""
    arguments = error.orig.args if error.orig is not None else ()
    return arguments[0] if arguments and isinstance(arguments[0], int) else -1


def _sqlite_code(error: sqlite3.Error) -> int:
    # The low byte is the primary code; the rest says which kind of it.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
