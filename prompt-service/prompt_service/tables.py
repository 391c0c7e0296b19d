"""The base of all tables of this service.

Every key begins with the workspace, so that the tables can be spread over machines by it one day; there are
no foreign keys for the same reason. What they would guard is guarded by the lock on the prompt's row, under
which all rows of a prompt are written.
"""

from servicekit.audit import AuditEvent
from servicekit.db.schema import DeclarativeBase, adopt, new_metadata
from servicekit.idempotency import IdempotencyKey


class Table(DeclarativeBase):
    """Maps the tables of prompt-service."""

    metadata = new_metadata()


adopt(Table.metadata, AuditEvent, IdempotencyKey)
