"""Create idempotency_keys."""

from servicekit.db.schema import Digest, Id, LongBytes, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import Column, Index

revision = "20261123_02"
down_revision = "20261123_01"


def upgrade() -> None:
    create_table(
        "idempotency_keys",
        Column("id", Digest, primary_key=True),
        Column("workspace_id", Id, nullable=False),
        Column("request_hash", Digest, nullable=False),
        Column("response", LongBytes, nullable=True),
        Column("expires_at", UtcDateTime, nullable=False),
        Index(None, "expires_at"),
    )
