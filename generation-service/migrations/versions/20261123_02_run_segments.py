"""Saved events of runs."""

from servicekit.db.schema import Id, Json
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import BigInteger, Column

revision = "20261123_02"
down_revision = "20261123_01"


def upgrade() -> None:
    create_table(
        "run_segments",
        Column("run_id", Id, primary_key=True),
        Column("first_event_id", BigInteger, primary_key=True, autoincrement=False),
        Column("last_event_id", BigInteger, nullable=False),
        Column("workspace_id", Id, nullable=False),
        Column("events", Json, nullable=False),
    )


def downgrade() -> None:
    drop_table("run_segments")
