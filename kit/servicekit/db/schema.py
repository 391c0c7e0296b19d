"""Column types and naming that mean the same on MySQL 8, MariaDB and SQLite.

A service declares its own base once, and its tables on it:

    class Table(DeclarativeBase):
        metadata = new_metadata()
"""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import DateTime, LargeBinary, MetaData, String, Text, event
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

from servicekit.db.decimals import FixedPoint
from servicekit.json_types import JsonValue

__all__ = [
    "DeclarativeBase",
    "Digest",
    "FixedPoint",
    "Id",
    "Json",
    "LongBytes",
    "LongText",
    "Name",
    "UtcDateTime",
    "adopt",
    "new_metadata",
    "now",
]

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """The empty metadata of one service, which names its constraints alike everywhere."""
    return MetaData(naming_convention=NAMING_CONVENTION)


def adopt(metadata: MetaData, *tables: type[DeclarativeBase]) -> None:
    """Count the kit's tables (`AuditEvent`, `IdempotencyKey`) among a service's own.

    They are mapped by the kit; a service only has to create them, which its drift test then checks.
    """
    for table in tables:
        declared = table.__table__
        if not isinstance(declared, SqlTable):
            raise TypeError(f"{table.__name__} maps no table")
        declared.to_metadata(metadata)


def now() -> datetime:
    """The time of this process, aware, UTC. Leases go by `clock.DatabaseTime` instead."""
    return datetime.now(UTC)


@event.listens_for(SqlTable, "after_parent_attach")
def _say_engine_and_charset(table: SqlTable, _metadata: object) -> None:
    # Said on each table, since the default of a schema made by someone else is not ours to trust.
    table.dialect_kwargs.setdefault("mysql_engine", "InnoDB")
    table.dialect_kwargs.setdefault("mysql_charset", "utf8mb4")
    table.dialect_kwargs.setdefault("mysql_collate", "utf8mb4_bin")


class Id(TypeDecorator[str]):
    """A UUIDv7 as text: CHAR(36) in ASCII, compared by bytes."""

    impl = String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """CHAR(36) ascii_bin on MySQL: a key of 36 bytes, not 144."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.CHAR(36, charset="ascii", collation="ascii_bin"))
        return dialect.type_descriptor(String(36))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """A text from a request that cannot be an id is found nowhere, instead of a collation error."""
        del dialect
        if value is None or value.isascii():
            return value
        return value.encode("ascii", "backslashreplace").decode()


class Name(TypeDecorator[str]):
    """A short text compared byte for byte, fit to be a key or part of one.

    `utf8mb4_bin` holds "a" equal to "a " (PAD SPACE), and the NO PAD collations of MySQL 8 and MariaDB have
    no name in common. VARBINARY is byte-exact on both; Python sees text. Order is by code point.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        # An InnoDB key has at most 3072 bytes, all its columns together.
        if not 1 <= length <= 768:
            raise ValueError("a Name has 1 to 768 characters, what fits an InnoDB key")
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """VARBINARY of four bytes a character on MySQL."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.VARBINARY(self.length * 4))
        return dialect.type_descriptor(String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Text to what the driver takes."""
        return value.encode() if value is not None and dialect.name == "mysql" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """What the driver gives to text."""
        del dialect
        return bytes(value).decode() if isinstance(value, bytes | bytearray) else value


class LongText(TypeDecorator[str]):
    """Text of any length, kept byte for byte (CRLF, emoji, trailing space); not a key."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """LONGTEXT utf8mb4_bin on MySQL."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"))
        return dialect.type_descriptor(Text())


class Json(TypeDecorator[JsonValue]):
    """A JSON value as text, by orjson. None is NULL. Assign a new value: changes inside are not seen."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """LONGTEXT on MySQL: its JSON type differs from MariaDB's, and we never query inside."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str | None:
        """Serialize."""
        del dialect
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue:
        """Parse."""
        del dialect
        return None if value is None else orjson.loads(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with microseconds; aware UTC in Python, a naive one is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """DATETIME(6) on MySQL; its TIMESTAMP ends in 2038."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To naive UTC, which is what both databases store.

        Raises:
            ValueError: the value bears no time zone.
        """
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime does not say when; use servicekit.db.schema.now()")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To aware UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


class Digest(TypeDecorator[bytes]):
    """Exactly 32 bytes, such as a SHA-256: a key that costs 32 bytes."""

    impl = LargeBinary(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """BINARY(32) on MySQL."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.BINARY(32))
        return dialect.type_descriptor(LargeBinary(32))

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Refuse another length, which MySQL would pad or cut.

        Raises:
            ValueError: not 32 bytes.
        """
        del dialect
        if value is not None and len(value) != 32:
            raise ValueError(f"a digest has 32 bytes, not {len(value)}")
        return value


class LongBytes(TypeDecorator[bytes]):
    """Bytes of any length; not a key."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """LONGBLOB on MySQL: its BLOB ends at 64 KiB."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.LONGBLOB())
        return dialect.type_descriptor(LargeBinary())
