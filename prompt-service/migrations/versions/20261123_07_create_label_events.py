"""Create label_events."""

from servicekit.db.schema import Id, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import BigInteger, Column, Integer, String

revision = "20261123_07"
down_revision = "20261123_06"


def upgrade() -> None:
    create_table(
        "label_events",
        Column("workspace_id", Id, primary_key=True),
        Column("prompt_id", Id, primary_key=True),
        Column("label", Name(36), primary_key=True),
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("id", Id, nullable=False),
        Column("action", Name(16), nullable=False),
        Column("from_version", Integer, nullable=False),
        Column("to_version", Integer, nullable=False),
        Column("actor_kind", Name(16), nullable=False),
        Column("actor_id", Id, nullable=False),
        Column("actor_name", String(200), nullable=False),
        Column("reason", LongText, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )
