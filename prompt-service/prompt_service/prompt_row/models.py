"""Tables of prompts, and of what they are listed by."""

from datetime import datetime

from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime
from servicekit.json_types import JsonValue
from sqlalchemy import BigInteger, Boolean, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prompt_service.authors import Author, author_columns
from prompt_service.prompt_row.names import MAX_NAME_CHARS
from prompt_service.tables import Table
from prompt_service.validation import MAX_TITLE_CHARS


class Prompt(Table):
    """A prompt. Its row lock orders all changes of its versions and labels.

    `live_name` is the name while the prompt lives and NULL in the recycle bin: a UNIQUE constraint passes
    over NULLs on all three databases, so names are unique among the living only.

    `labels` (label → version) repeats the table of labels, which serves delivery; it spares every read of a
    prompt a query. Both are written together, in labels/rules.py alone, under the row lock.

    Pages of all prompts: (workspace_id, is_deleted, id) read backwards from the cursor.
    """

    __tablename__ = "prompts"
    __table_args__ = (
        UniqueConstraint("workspace_id", "live_name"),
        Index(None, "workspace_id", "is_deleted", "id"),
    )

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Name(MAX_NAME_CHARS))
    live_name: Mapped[str | None] = mapped_column(Name(MAX_NAME_CHARS))
    title: Mapped[str] = mapped_column(String(MAX_TITLE_CHARS))
    tags: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    head_version: Mapped[int] = mapped_column(Integer)
    head_fingerprint: Mapped[bytes | None] = mapped_column(Digest)
    labels: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    created_by: Mapped[Author] = author_columns("created_by")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_deleted: Mapped[bool] = mapped_column(Boolean)
    row_version: Mapped[int] = mapped_column(BigInteger)

    # Every UPDATE says "where row_version is what I read": a lost update is an error even if a lock was
    # forgotten. # (A class-level dict by SQLAlchemy's own convention.)
    __mapper_args__ = {"version_id_col": row_version, "version_id_generator": False}  # noqa: RUF012

    @property
    def tag_list(self) -> list[str]:
        """The tags in order."""
        return [str(tag) for tag in self.tags] if isinstance(self.tags, list) else []

    @property
    def label_map(self) -> dict[str, int]:
        """Label → version number."""
        if not isinstance(self.labels, dict):
            return {}
        return {label: version for label, version in self.labels.items() if isinstance(version, int)}


class PromptFacet(Table):
    """One thing that a prompt can be found by in a list: `tag`, `folder`, `label` or `author`.

    The primary key is the index: (workspace, kind, value, in the bin or not) read backwards from the cursor
    gives a page in the time of a page, however many prompts there are. Each of the further filters is one
    lookup in it.
    """

    __tablename__ = "prompt_facets"
    __table_args__ = (Index(None, "workspace_id", "prompt_id"),)

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Name(8), primary_key=True)
    value: Mapped[str] = mapped_column(Name(MAX_NAME_CHARS), primary_key=True)
    is_deleted: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    prompt_id: Mapped[str] = mapped_column(Id, primary_key=True)
