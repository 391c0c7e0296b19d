"""Create API keys."""

import sqlalchemy as sa
from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_04"
down_revision = "20261123_03"


def upgrade() -> None:
    steps.create_table(
        "api_keys",
        sa.Column("id", Id, primary_key=True),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", Name(200), nullable=False),
        sa.Column("prefix", Name(16), nullable=False),
        sa.Column("secret_hash", Digest, nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("allowed_ips", Json, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("last_used_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("row_version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("secret_hash"),
        sa.Index(None, "workspace_id", "id"),
        sa.Index(None, "user_id"),
    )
