"""Engines for the two kinds of URL, each connection set up so that both databases behave alike."""

from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from servicekit.db import mysql_connection

POOL_WAIT_SECONDS = 2.0
CONNECT_TIMEOUT_SECONDS = 2
STATEMENT_LIMIT_SECONDS = 3.0
# Below the statement limit: MariaDB counts waiting for a lock as part of the statement, and the error that
# says "lock wait" can be retried while "statement too slow" cannot.
LOCK_WAIT_SECONDS = 2
# Below any usual wait_timeout of proxies and servers in between.
RECYCLE_SECONDS = 1800
SQLITE_BUSY_SECONDS = 2.0
SQLITE_READERS = 4

_FORMS = "sqlite:////path/to/file or mysql://user:password@host:port/schema"

BEGIN_OPTION = "servicekit_begin"

# What MySQL 8 demands by default; MariaDB must not be laxer, or tests on one would not speak for the other.
_SQL_MODE = (
    "STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)

# Session variables whose defaults a company sets on its server, and which would change what our statements mean.
_SESSION = {
    "sql_mode": f"'{_SQL_MODE}'",
    "time_zone": "'+00:00'",
    "autocommit": "0",
    "completion_type": "'NO_CHAIN'",
    "default_storage_engine": "'InnoDB'",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "sql_auto_is_null": "0",
    "sql_big_selects": "1",
    "sql_quote_show_create": "1",
    "sql_safe_updates": "0",
    "sql_select_limit": str(2**64 - 1),
    # A server may be told to ignore what the client says when it connects.
    "character_set_client": "'utf8mb4'",
    "character_set_connection": "'utf8mb4'",
    "character_set_results": "'utf8mb4'",
}


def parse_url(url: str) -> URL:
    """Check a `sqlite:////path` or `mysql://user:password@host:port/schema` URL.

    Raises:
        ValueError: it is neither; the message never contains the password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(f"the database URL cannot be read; use {_FORMS}") from None
    kind = parsed.get_backend_name()
    if kind not in {"sqlite", "mysql"} or not parsed.database or parsed.database == ":memory:":
        raise ValueError(
            f"{parsed.render_as_string(hide_password=True)}: use {_FORMS}",
        )
    return parsed


def open_engine(url: str, *, pool_size: int, max_overflow: int, statement_limit_seconds: float) -> AsyncEngine:
    """An engine that connects on first use."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed.set(drivername="sqlite+aiosqlite"))
    return _mysql_engine(
        parsed.set(drivername="mysql+aiomysql"),
        pool_size=pool_size,
        max_overflow=max_overflow,
        statement_limit_seconds=statement_limit_seconds,
    )


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        # One writer (behind a lock) and a few readers; each connection is a thread.
        pool_size=SQLITE_READERS + 1,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        set_up_sqlite(connection)

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_OPTION, "BEGIN"))

    return engine


def set_up_sqlite(connection: Any) -> None:
    """Make a new SQLite connection ours: explicit transactions, WAL, foreign keys, durable commits."""
    # None: Python's driver begins nothing by itself, so that BEGIN IMMEDIATE is what it says.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit that was acknowledged survives a power cut
        "foreign_keys=ON",
        f"busy_timeout={int(SQLITE_BUSY_SECONDS * 1000)}",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _mysql_engine(url: URL, *, pool_size: int, max_overflow: int, statement_limit_seconds: float) -> AsyncEngine:
    engine = create_async_engine(
        url,
        # Else the text of an error, which goes to the log, holds prompts, addresses and hashes.
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=RECYCLE_SECONDS,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "async_creator_fn": mysql_connection.connect,
        },
    )

    # First of all: SQLAlchemy reads the mode once, from its first connection, and goes by it for ever.
    @event.listens_for(engine.sync_engine, "connect", insert=True)
    def _set_up(connection: Any, _record: object) -> None:
        server = connection.driver_connection.get_server_info()
        set_up_mysql(connection, server=server, statement_limit_seconds=statement_limit_seconds)

    return engine


def set_up_mysql(connection: Any, *, server: str, statement_limit_seconds: float) -> None:
    """Make a new MySQL or MariaDB connection ours, whatever the server's defaults; `server` is its version text.

    MySQL 8 bounds only SELECT by time, MariaDB every statement; 0 sets no bound (migrations).
    """
    if "mariadb" in server.lower():
        own = {
            "tx_isolation": "'READ-COMMITTED'",
            "tx_read_only": "0",
            "max_statement_time": f"{statement_limit_seconds:.3f}",
        }
    else:
        own = {
            "transaction_isolation": "'READ-COMMITTED'",
            "transaction_read_only": "0",
            "max_execution_time": f"{int(statement_limit_seconds * 1000)}",
        }
    wanted = {**_SESSION, "innodb_lock_wait_timeout": str(LOCK_WAIT_SECONDS), **own}
    cursor = connection.cursor()
    cursor.execute("SET SESSION " + ", ".join(f"{name}={value}" for name, value in wanted.items()))
    cursor.close()
