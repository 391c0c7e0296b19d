"""Parsed descriptions."""

from servicekit.db.schema import Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import Column, Index

revision = "20261123_05"
down_revision = "20261123_04"


def upgrade() -> None:
    create_table(
        "requirements",
        Column("id", Id, primary_key=True),
        Column("workspace_id", Id, nullable=False),
        Column("description", LongText, nullable=False),
        Column("language", Name(8), nullable=False),
        Column("input_class", Name(32), nullable=False),
        Column("agent_type", Name(64), nullable=False),
        Column("requirements", Json, nullable=False),
        Column("unknowns", Json, nullable=False),
        Column("form", Json, nullable=False),
        Column("engine", Name(16), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Index(None, "workspace_id", "id"),
    )


def downgrade() -> None:
    drop_table("requirements")
