"""What a revision is made of: steps that see what is done already, since MySQL cannot roll a DDL back.

A revision that was killed after its step and before its number was written runs again and passes over it.
Names of constraints and indexes come from the kit's naming convention, as in the models.
"""

from typing import Any

from alembic import op
from sqlalchemy import Column, Inspector, MetaData, Table, inspect
from sqlalchemy.schema import CreateIndex, CreateTable, Index, SchemaItem

from servicekit.db.schema import new_metadata

__all__ = ["add_column", "create_index", "create_table", "dialect", "drop_column", "drop_index", "drop_table"]


def dialect() -> str:
    """`sqlite` or `mysql`, for the rare step that differs."""
    return str(op.get_bind().dialect.name)


def create_table(name: str, *items: SchemaItem, **options: Any) -> None:
    """Create a table with its columns, constraints and indexes, whatever of it is missing."""
    table = Table(name, new_metadata(), *items, **options)
    existing = _inspector()
    if name not in existing.get_table_names():
        op.execute(CreateTable(table))
        existing = _inspector()
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        _create(index, existing)


def drop_table(name: str) -> None:
    """Drop a table if it is there."""
    op.drop_table(name, if_exists=True)


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column if it is missing. NOT NULL needs a `server_default`, for the rows that exist."""
    if column.name not in _columns(table):
        op.add_column(table, column)


def drop_column(table: str, column: str) -> None:
    """Drop a column if it is there."""
    if column in _columns(table):
        op.drop_column(table, column)


def create_index(table: str, *columns: str, name: str | None = None, unique: bool = False, **options: Any) -> None:
    """Create an index if it is missing; `mysql_prefix="FULLTEXT"` and the like go into `options`."""
    reflected = Table(table, MetaData(naming_convention=new_metadata().naming_convention), autoload_with=op.get_bind())
    chosen = [reflected.c[column] for column in columns]
    _create(Index(name, *chosen, unique=unique, **options), _inspector())


def drop_index(table: str, name: str) -> None:
    """Drop an index if it is there."""
    if name in _indexes(table, _inspector()):
        op.drop_index(name, table)


def _create(index: Index, existing: Inspector) -> None:
    if index.table is not None and index.name not in _indexes(index.table.name, existing):
        op.execute(CreateIndex(index))


def _indexes(table: str, existing: Inspector) -> set[str]:
    return {str(index["name"]) for index in existing.get_indexes(table)}


def _columns(table: str) -> set[str]:
    return {column["name"] for column in _inspector().get_columns(table)}


def _inspector() -> Inspector:
    # A new one each time: it remembers what it saw.
    return inspect(op.get_bind())
