"""Create audit_events."""

from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime
from servicekit.migrations.steps import create_table
from sqlalchemy import BigInteger, Column, Index, UniqueConstraint

revision = "20261123_01"
down_revision = None


def upgrade() -> None:
    create_table(
        "audit_events",
        Column("id", Id, primary_key=True),
        Column("workspace_id", Id, nullable=True),
        Column("at", UtcDateTime, nullable=False),
        Column("actor_kind", Name(16), nullable=True),
        Column("actor_id", Id, nullable=True),
        Column("actor_name", LongText, nullable=True),
        Column("action", Name(64), nullable=False),
        Column("object_type", Name(64), nullable=False),
        Column("object_id", Name(200), nullable=False),
        Column("detail", Json, nullable=True),
        Column("request_id", Name(128), nullable=False),
        Column("client_ip", Name(64), nullable=False),
        Column("chain_seq", BigInteger, nullable=True),
        Column("mac", Digest, nullable=True),
        UniqueConstraint("chain_seq"),
        Index(None, "workspace_id", "id"),
    )
