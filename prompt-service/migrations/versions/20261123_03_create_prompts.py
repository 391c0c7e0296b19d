"""Create prompts."""

from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, UniqueConstraint

revision = "20261123_03"
down_revision = "20261123_02"


def upgrade() -> None:
    create_table(
        "prompts",
        Column("workspace_id", Id, primary_key=True),
        Column("id", Id, primary_key=True),
        Column("name", Name(128), nullable=False),
        Column("live_name", Name(128), nullable=True),
        Column("title", String(200), nullable=False),
        Column("tags", Json, nullable=False),
        Column("head_version", Integer, nullable=False),
        Column("head_fingerprint", Digest, nullable=True),
        Column("labels", Json, nullable=False),
        Column("created_by_kind", Name(16), nullable=False),
        Column("created_by_id", Id, nullable=False),
        Column("created_by_name", String(200), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("deleted_at", UtcDateTime, nullable=True),
        Column("is_deleted", Boolean, nullable=False),
        Column("row_version", BigInteger, nullable=False),
        UniqueConstraint("workspace_id", "live_name"),
        Index(None, "workspace_id", "is_deleted", "id"),
    )
