"""The one metadata of this service's schema.

No foreign keys, as in the other services: databases that spread over machines (Vitess) have none, and each insert
would lock its parent row. What belongs together is made and ended in one transaction by the rules.
"""

from servicekit import audit, idempotency
from servicekit.db.schema import DeclarativeBase, adopt, new_metadata


class Table(DeclarativeBase):
    """Base of every table of auth-service."""

    metadata = new_metadata()


adopt(Table.metadata, audit.AuditEvent, idempotency.IdempotencyKey)
