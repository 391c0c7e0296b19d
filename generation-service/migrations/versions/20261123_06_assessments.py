"""Stored assessments."""

from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import Column

revision = "20261123_06"
down_revision = "20261123_05"


def upgrade() -> None:
    create_table(
        "assessments",
        Column("workspace_id", Id, primary_key=True),
        Column("content_digest", Digest, primary_key=True),
        Column("basis_digest", Digest, primary_key=True),
        Column("rubric", Name(32), primary_key=True),
        Column("engine", Name(128), primary_key=True),
        Column("result", Json, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    drop_table("assessments")
