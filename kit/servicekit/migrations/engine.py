"""The engine of migrations: the same server, synchronous drivers, no bound on a statement's time."""

from typing import Any

import pymysql
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from servicekit.db.connections import (
    CONNECT_TIMEOUT_SECONDS,
    parse_url,
    set_up_mysql,
    set_up_sqlite,
)

UNKNOWN_SCHEMA = 1049
# An index on a big table is built for as long as it takes, and waits for those who use the table.
_DDL_LOCK_WAIT_SECONDS = 60


def open_migration_engine(url: str) -> Engine:
    """An engine on an existing schema: a missing one is created if the user may, a missing file always.

    Raises:
        ValueError: the URL is of neither kind.
        pymysql.err.OperationalError: the server cannot be reached, or refuses.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed.set(drivername="sqlite+pysqlite"), poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_immediate)
        return engine
    arguments: dict[str, Any] = {
        "host": parsed.host or "127.0.0.1",
        "port": parsed.port or 3306,
        "user": parsed.username,
        "password": parsed.password or "",
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    }
    _create_schema_if_missing(arguments, parsed.database or "")
    engine = create_engine(
        parsed.set(drivername="mysql+pymysql"),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"charset": "utf8mb4", "connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    # First of all: SQLAlchemy quotes names as the mode of its first connection says.
    event.listen(engine, "connect", _set_up_mysql, insert=True)
    return engine


def _create_schema_if_missing(arguments: dict[str, Any], schema: str) -> None:
    try:
        pymysql.connect(**arguments, database=schema).close()
    except pymysql.err.OperationalError as error:
        if error.args[0] != UNKNOWN_SCHEMA:
            raise
        connection = pymysql.connect(**arguments)
        try:
            quoted = schema.replace("`", "``")
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{quoted}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        finally:
            connection.close()


def _set_up_sqlite(connection: Any, _record: object) -> None:
    set_up_sqlite(connection)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_up_mysql(connection: Any, _record: object) -> None:
    set_up_mysql(connection, server=connection.get_server_info(), statement_limit_seconds=0)
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION lock_wait_timeout={_DDL_LOCK_WAIT_SECONDS}")
