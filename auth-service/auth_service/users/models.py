"""Table: people."""

from datetime import datetime

from servicekit.db.schema import Id, Name, UtcDateTime
from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table

EMAIL_MAX_CHARS = 254
DISPLAY_NAME_MAX_CHARS = 200


class User(Table):
    """A person.

    Attributes:
        email: folded (see `users.rules.fold_email`), so that the constraint sees equal addresses as equal.
        password_hash: argon2id in PHC form; None for someone who signs in elsewhere.
        roles_version: grows whenever a membership of this person changes; part of the version of every live
            record of theirs.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(Name(EMAIL_MAX_CHARS))
    password_hash: Mapped[str | None] = mapped_column(Name(200))
    display_name: Mapped[str] = mapped_column(Name(DISPLAY_NAME_MAX_CHARS))
    locale: Mapped[str] = mapped_column(Name(2))
    roles_version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger)
