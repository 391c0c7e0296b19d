"""Attempts at a provider."""

from servicekit.db.schema import FixedPoint, Id, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer

revision = "20261123_03"
down_revision = "20261123_02"


def upgrade() -> None:
    create_table(
        "attempts",
        Column("id", Id, primary_key=True),
        Column("workspace_id", Id, nullable=False),
        Column("run_id", Id, nullable=False),
        Column("model", Name(128), nullable=False),
        Column("purpose", Name(32), nullable=False),
        Column("number", Integer, nullable=False),
        Column("state", Name(16), nullable=False),
        Column("estimated_input_tokens", BigInteger, nullable=False),
        Column("input_tokens", BigInteger),
        Column("output_tokens", BigInteger),
        Column("cached_tokens", BigInteger),
        Column("cost", FixedPoint(9)),
        Column("is_estimated", Boolean),
        Column("error_reason", Name(64)),
        Column("upstream_request_id", Name(128)),
        Column("created_at", UtcDateTime, nullable=False),
        Index(None, "workspace_id", "run_id"),
    )


def downgrade() -> None:
    drop_table("attempts")
