"""Whatever a company has set on its server, our sessions are ours before SQLAlchemy looks at them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servicekit.db import Database
from servicekit.migrations import runner
from servicekit.testing.mariadb import MariadbServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MODES = (
    "",
    "ANSI",
    "ANSI_QUOTES",
    "DB2",
    "EMPTY_STRING_IS_NULL",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_SPACE",
    "MAXDB",
    "MSSQL",
    "MYSQL323",
    "NO_BACKSLASH_ESCAPES",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_ZERO_DATE,NO_ZERO_IN_DATE",
    "ONLY_FULL_GROUP_BY",
    "ORACLE",
    "PAD_CHAR_TO_FULL_LENGTH",
    "PIPES_AS_CONCAT",
    "POSTGRESQL",
    "REAL_AS_FLOAT",
    "SIMULTANEOUS_ASSIGNMENT",
    "TIME_ROUND_FRACTIONAL",
    "TRADITIONAL",
    "ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH",
)
DEFAULTS = (
    *(("sql_mode", mode) for mode in MODES),
    ("time_zone", "+08:00"),
    ("time_zone", "-11:30"),
    ("autocommit", "0"),
    ("autocommit", "1"),
    ("completion_type", "CHAIN"),
    ("completion_type", "RELEASE"),
    ("tx_isolation", "SERIALIZABLE"),
    ("tx_isolation", "READ-UNCOMMITTED"),
    ("tx_isolation", "REPEATABLE-READ"),
    ("tx_read_only", "1"),
    ("character_set_server", "latin1"),
    ("character_set_server", "gb2312"),
    ("collation_server", "utf8mb4_unicode_ci"),
    ("init_connect", "SET sql_mode='ANSI_QUOTES', time_zone='+09:00', character_set_client=latin1"),
    ("init_connect", "SET sql_safe_updates=1, sql_select_limit=1"),
    ("default_storage_engine", "MyISAM"),
    ("foreign_key_checks", "0"),
    ("unique_checks", "0"),
    ("sql_auto_is_null", "1"),
    ("sql_big_selects", "0"),
    ("sql_quote_show_create", "0"),
    ("sql_safe_updates", "1"),
    ("sql_select_limit", "1"),
    ("lc_time_names", "zh_CN"),
    ("innodb_lock_wait_timeout", "1"),
    ("lock_wait_timeout", "1"),
    ("max_statement_time", "0.001"),
)
# What each text must still be when it comes back: quotes, escapes, what a mode would take for an operator.
TEXT = "\\ ' \" ` || % :x \\' \\\\ \n 客服😀  "


class _Account:
    """`init_connect` isn't run for those with SUPER, and services have no such user."""

    def __init__(self, server: MariadbServer, schema: str) -> None:
        self._server = server
        self.name = f"u{schema[-12:]}"
        server.execute(f"CREATE USER '{self.name}'@'%' IDENTIFIED BY 'p'")
        server.execute(f"GRANT ALL ON {schema}.* TO '{self.name}'@'%'")
        self.url = f"mysql://{self.name}:p@{server.host}:{server.port}/{schema}"

    def drop(self) -> None:
        self._server.execute(f"DROP USER '{self.name}'@'%'")


@pytest.fixture(params=DEFAULTS, ids=lambda default: f"{default[0]}={default[1][:40]}")
def url_with_defaults(
    request: pytest.FixtureRequest,
    mariadb_server: MariadbServer,
    expected: tuple[object, ...],
) -> Iterator[str]:
    """The URL of an empty schema on a server with that default, which is put back at the end."""
    del expected  # made while the server is as it was installed
    if "mariadb" not in mariadb_server.version.lower():
        pytest.skip("the names of modes and variables are MariaDB's")
    name, value = request.param
    schema = f"test_defaults_{abs(hash((name, value))):x}"[:40]
    mariadb_server.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    account = _Account(mariadb_server, schema)
    ((before,),) = mariadb_server.execute(f"SELECT @@GLOBAL.{name}")
    mariadb_server.execute(f"SET GLOBAL {name}={value if _is_number(value) else _literal(value)}")
    try:
        yield account.url
    finally:
        mariadb_server.execute(f"SET GLOBAL {name}={_literal(before)}")
        account.drop()
        mariadb_server.execute(f"DROP DATABASE {schema}")


def _is_number(value: str) -> bool:
    return value.replace(".", "", 1).isdigit()


def _literal(value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


async def _seen(url: str) -> tuple[object, ...]:
    database = Database(url)

    async def write(session: AsyncSession) -> None:
        values = {"title": TEXT[:20], "body": TEXT, "workspace_id": "w", "id": "i"}
        columns = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        await session.execute(
            text(f"INSERT INTO notes ({columns}, at, is_done) VALUES ({marks}, '2026-11-25 01:02:03.000004', 0)"),  # noqa: S608 - names of this test
            values,
        )

    async def read(session: AsyncSession) -> tuple[object, ...]:
        row = (await session.execute(text("SELECT body, title, at, HEX(body), 2 || 0 FROM notes"))).one()
        settings = await session.execute(text("SELECT @@sql_mode, @@time_zone, @@tx_isolation, @@completion_type"))
        return (*row, *settings.one())

    try:
        await database.write(write)
        return await database.read(read)
    finally:
        await database.close()


async def test_migrations_and_statements_mean_the_same(
    url_with_defaults: str, migrations_folder: Path, expected: tuple[object, ...]
) -> None:
    runner.migrate(url_with_defaults, migrations_folder)
    runner.migrate(url_with_defaults, migrations_folder)  # and looks at what is there as well as at nothing

    assert await _seen(url_with_defaults) == expected


@pytest.fixture
async def expected(mariadb_server: MariadbServer, migrations_folder: Path) -> tuple[object, ...]:
    """What a server as it is installed answers."""
    schema = "test_plain_server"
    mariadb_server.execute(f"DROP DATABASE IF EXISTS {schema}")
    mariadb_server.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    runner.migrate(mariadb_server.url(schema), migrations_folder)
    return await _seen(mariadb_server.url(schema))
