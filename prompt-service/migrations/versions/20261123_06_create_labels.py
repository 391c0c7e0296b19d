"""Create labels."""

from servicekit.db.schema import Id, Name, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import BigInteger, Column, Integer, String

revision = "20261123_06"
down_revision = "20261123_05"


def upgrade() -> None:
    create_table(
        "labels",
        Column("workspace_id", Id, primary_key=True),
        Column("prompt_id", Id, primary_key=True),
        Column("label", Name(36), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("updated_by_kind", Name(16), nullable=False),
        Column("updated_by_id", Id, nullable=False),
        Column("updated_by_name", String(200), nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("row_version", BigInteger, nullable=False),
    )
