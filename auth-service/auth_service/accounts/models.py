"""Table: how often somebody failed to sign in."""

from datetime import datetime

from servicekit.db.schema import Digest, UtcDateTime
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table


class LoginFailures(Table):
    """Failed sign-ins of one subject (see `accounts.throttle`) since they were last forgotten.

    Attributes:
        subject: SHA-256 of what the failures are counted by; addresses and e-mails are not kept.
        blocked_until: before this no attempt is looked at.
    """

    __tablename__ = "login_failures"

    subject: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_failed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    blocked_until: Mapped[datetime] = mapped_column(UtcDateTime)
