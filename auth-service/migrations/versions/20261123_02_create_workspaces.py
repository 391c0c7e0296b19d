"""Create workspaces and memberships."""

import sqlalchemy as sa
from servicekit.db.schema import Id, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_02"
down_revision = "20261123_01"


def upgrade() -> None:
    steps.create_table(
        "workspaces",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", Name(200), nullable=False),
        sa.Column("personal_of", Id),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("personal_of"),
    )
    steps.create_table(
        "memberships",
        sa.Column("workspace_id", Id, primary_key=True),
        sa.Column("user_id", Id, primary_key=True),
        sa.Column("role", Name(8), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.Index(None, "user_id"),
    )
