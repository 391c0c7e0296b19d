"""Create session families, refresh tokens and the outbox of live records."""

import sqlalchemy as sa
from servicekit.db.schema import Digest, Id, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_03"
down_revision = "20261123_02"


def upgrade() -> None:
    steps.create_table(
        "session_families",
        sa.Column("id", Id, primary_key=True),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("last_workspace_id", Id, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("refreshed_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("ended_reason", Name(16)),
        sa.Column("ip", Name(64), nullable=False),
        sa.Column("user_agent", Name(400), nullable=False),
        sa.Index(None, "user_id", "id"),
        sa.Index(None, "expires_at"),
    )
    steps.create_table(
        "refresh_tokens",
        sa.Column("family_id", Id, primary_key=True),
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("token_hash", Digest, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    steps.create_table(
        "live_record_changes",
        sa.Column("id", Id, primary_key=True),
        sa.Column("subject_id", Id, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
