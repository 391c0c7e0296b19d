"""Create prompt_versions."""

from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import Column, Integer, String, UniqueConstraint

revision = "20261123_05"
down_revision = "20261123_04"


def upgrade() -> None:
    create_table(
        "prompt_versions",
        Column("workspace_id", Id, primary_key=True),
        Column("prompt_id", Id, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("content", LongText, nullable=True),
        Column("messages", Json, nullable=True),
        Column("variables", Json, nullable=False),
        Column("model_settings_json", LongText, nullable=False),
        Column("commit_message", LongText, nullable=False),
        Column("origin", Name(16), nullable=False),
        Column("parent", Integer, nullable=False),
        Column("run_id", Id, nullable=True),
        Column("content_sha256", Digest, nullable=False),
        Column("fingerprint", Digest, nullable=False),
        Column("stored_bytes", Integer, nullable=False),
        Column("author_kind", Name(16), nullable=False),
        Column("author_id", Id, nullable=False),
        Column("author_name", String(200), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        UniqueConstraint("workspace_id", "run_id"),
    )
