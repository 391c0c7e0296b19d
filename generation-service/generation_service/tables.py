"""The one metadata of this service's schema."""

from servicekit.audit import AuditEvent
from servicekit.db.schema import DeclarativeBase, adopt, new_metadata
from servicekit.idempotency import IdempotencyKey


class Table(DeclarativeBase):
    """Base of every table of generation-service."""

    metadata = new_metadata()


adopt(Table.metadata, AuditEvent, IdempotencyKey)
