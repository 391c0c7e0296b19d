"""The kit's audit events."""

from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table, drop_table
from sqlalchemy import BigInteger, Column, Index, UniqueConstraint

revision = "20261123_07"
down_revision = "20261123_06"


def upgrade() -> None:
    create_table(
        "audit_events",
        Column("id", Id, primary_key=True),
        Column("workspace_id", Id),
        Column("at", UtcDateTime, nullable=False),
        Column("actor_kind", Name(16)),
        Column("actor_id", Id),
        Column("actor_name", LongText),
        Column("action", Name(64), nullable=False),
        Column("object_type", Name(64), nullable=False),
        Column("object_id", Name(200), nullable=False),
        Column("detail", Json),
        Column("request_id", Name(128), nullable=False),
        Column("client_ip", Name(64), nullable=False),
        Column("chain_seq", BigInteger),
        Column("mac", Digest),
        UniqueConstraint("chain_seq"),
        Index(None, "workspace_id", "id"),
    )


def downgrade() -> None:
    drop_table("audit_events")
