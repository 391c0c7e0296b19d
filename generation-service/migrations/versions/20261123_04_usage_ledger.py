"""What attempts cost."""

from servicekit.db.schema import FixedPoint, Id, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import BigInteger, Boolean, Column, Index

revision = "20261123_04"
down_revision = "20261123_03"


def upgrade() -> None:
    create_table(
        "usage_ledger",
        Column("attempt_id", Id, primary_key=True),
        Column("workspace_id", Id, nullable=False),
        Column("run_id", Id, nullable=False),
        Column("user_id", Id, nullable=False),
        Column("created_by_kind", Name(16), nullable=False),
        Column("created_by_id", Id, nullable=False),
        Column("model", Name(128), nullable=False),
        Column("input_tokens", BigInteger, nullable=False),
        Column("output_tokens", BigInteger, nullable=False),
        Column("cached_tokens", BigInteger, nullable=False),
        Column("cost", FixedPoint(9), nullable=False),
        Column("is_estimated", Boolean, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Index(None, "workspace_id", "created_at"),
        Index(None, "workspace_id", "run_id"),
    )


def downgrade() -> None:
    drop_table("usage_ledger")
