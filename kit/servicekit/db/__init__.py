"""The database side of a service: `Database`, column types, paging."""

from servicekit.db.database import Database
from servicekit.db.faults import Contended

__all__ = ["Contended", "Database"]
