"""Create the keys that sign access tokens."""

import sqlalchemy as sa
from servicekit.db.schema import Id, LongBytes, Name, UtcDateTime
from servicekit.migrations import steps

revision = "20261123_05"
down_revision = "20261123_04"


def upgrade() -> None:
    steps.create_table(
        "signing_keys",
        sa.Column("kid", Id, primary_key=True),
        sa.Column("state", Name(8), nullable=False),
        sa.Column("slot", Name(8)),
        sa.Column("x", Name(43), nullable=False),
        sa.Column("y", Name(43), nullable=False),
        sa.Column("sealed_private_key", LongBytes, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("activated_at", UtcDateTime),
        sa.Column("retired_at", UtcDateTime),
        sa.UniqueConstraint("slot"),
    )
