"""Table: changes of live records that Redis has not confirmed yet."""

from datetime import datetime

from servicekit.db.schema import Id, UtcDateTime
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table


class LiveRecordChange(Table):
    """Says that the live record of a session or API key changed and Redis may hold the old one.

    Written in the transaction of the change and deleted only after Redis has confirmed the new record.
    """

    __tablename__ = "live_record_changes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
