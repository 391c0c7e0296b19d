"""Runs."""

from servicekit.db.schema import FixedPoint, Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import BigInteger, Boolean, Column, Index

revision = "20261123_01"
down_revision = None


def upgrade() -> None:
    create_table(
        "runs",
        Column("id", Id, primary_key=True),
        Column("workspace_id", Id, nullable=False),
        Column("user_id", Id, nullable=False),
        Column("created_by_kind", Name(16), nullable=False),
        Column("created_by_id", Id, nullable=False),
        Column("created_by_name", LongText, nullable=False),
        Column("kind", Name(16), nullable=False),
        Column("state", Name(16), nullable=False),
        Column("engine", Name(16), nullable=False),
        Column("model", Name(128), nullable=False),
        Column("source", Json, nullable=False),
        Column("result", Json),
        Column("error", Json),
        Column("end_event_id", BigInteger),
        Column("is_cancel_asked", Boolean, nullable=False),
        Column("input_tokens", BigInteger, nullable=False),
        Column("output_tokens", BigInteger, nullable=False),
        Column("cost", FixedPoint(9), nullable=False),
        Column("is_estimated", Boolean, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("ended_at", UtcDateTime),
        Column("row_version", BigInteger, nullable=False),
        Column("lease_owner", Name(64)),
        Column("lease_epoch", BigInteger, nullable=False),
        Column("lease_until", UtcDateTime),
        Index(None, "lease_until"),
        Index(None, "workspace_id", "id"),
        Index(None, "workspace_id", "user_id", "id"),
    )


def downgrade() -> None:
    drop_table("runs")
