"""Create users and their failed sign-ins."""

import sqlalchemy as sa
from servicekit.db.schema import Digest, Id, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_01"
down_revision = None


def upgrade() -> None:
    steps.create_table(
        "users",
        sa.Column("id", Id, primary_key=True),
        sa.Column("email", Name(254), nullable=False),
        sa.Column("password_hash", Name(200)),
        sa.Column("display_name", Name(200), nullable=False),
        sa.Column("locale", Name(2), nullable=False),
        sa.Column("roles_version", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("email"),
    )
    steps.create_table(
        "login_failures",
        sa.Column("subject", Digest, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_failed_at", UtcDateTime, nullable=False),
        sa.Column("blocked_until", UtcDateTime, nullable=False),
        sa.Index(None, "last_failed_at"),
    )
