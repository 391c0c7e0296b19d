"""Create audit events."""

import sqlalchemy as sa
from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_07"
down_revision = "20261123_06"


def upgrade() -> None:
    steps.create_table(
        "audit_events",
        sa.Column("id", Id, primary_key=True),
        sa.Column("workspace_id", Id),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor_kind", Name(16)),
        sa.Column("actor_id", Id),
        sa.Column("actor_name", LongText),
        sa.Column("action", Name(64), nullable=False),
        sa.Column("object_type", Name(64), nullable=False),
        sa.Column("object_id", Name(200), nullable=False),
        sa.Column("detail", Json),
        sa.Column("request_id", Name(128), nullable=False),
        sa.Column("client_ip", Name(64), nullable=False),
        sa.Column("chain_seq", sa.BigInteger),
        sa.Column("mac", Digest),
        sa.UniqueConstraint("chain_seq"),
        sa.Index(None, "workspace_id", "id"),
    )
