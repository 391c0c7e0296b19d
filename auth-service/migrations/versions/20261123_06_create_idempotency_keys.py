"""Create idempotency keys."""

import sqlalchemy as sa
from servicekit.db.schema import Digest, Id, LongBytes, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_06"
down_revision = "20261123_05"


def upgrade() -> None:
    steps.create_table(
        "idempotency_keys",
        sa.Column("id", Digest, primary_key=True),
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("request_hash", Digest, nullable=False),
        sa.Column("response", LongBytes),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Index(None, "expires_at"),
    )
