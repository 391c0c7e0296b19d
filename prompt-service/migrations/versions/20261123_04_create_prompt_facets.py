"""Create prompt_facets."""

from servicekit.db.schema import Id, Name
from servicekit.migrations.steps import create_table
from sqlalchemy import Boolean, Column, Index

revision = "20261123_04"
down_revision = "20261123_03"


def upgrade() -> None:
    create_table(
        "prompt_facets",
        Column("workspace_id", Id, primary_key=True),
        Column("kind", Name(8), primary_key=True),
        Column("value", Name(128), primary_key=True),
        Column("is_deleted", Boolean, primary_key=True),
        Column("prompt_id", Id, primary_key=True),
        Index(None, "workspace_id", "prompt_id"),
    )
