"""Tables: workspaces and memberships."""

from datetime import datetime

from servicekit.db.schema import Id, Name, UtcDateTime
from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table

WORKSPACE_NAME_MAX_CHARS = 200


class Workspace(Table):
    """Where prompts live and people work together.

    Attributes:
        personal_of: the person whose first workspace this is; at most one each, by constraint.
    """

    __tablename__ = "workspaces"
    __table_args__ = (UniqueConstraint("personal_of"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Name(WORKSPACE_NAME_MAX_CHARS))
    personal_of: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger)


class Membership(Table):
    """One person's role in one workspace: `viewer`, `editor` or `admin`."""

    __tablename__ = "memberships"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True, index=True)
    role: Mapped[str] = mapped_column(Name(8))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger)
