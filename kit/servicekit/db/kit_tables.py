"""The base of the tables that the kit maps itself; a service adopts them into its own metadata."""

from sqlalchemy.orm import DeclarativeBase

from servicekit.db.schema import new_metadata


class KitTable(DeclarativeBase):
    """Base of `AuditEvent` and `IdempotencyKey`."""

    metadata = new_metadata()
