"""Tables of labels and of what happened to them."""

from datetime import datetime

from servicekit.db.schema import Id, LongText, Name, UtcDateTime
from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from prompt_service.authors import Author
from prompt_service.labels.names import MAX_LABEL_CHARS
from prompt_service.tables import Table


class Label(Table):
    """A pointer to a version. `row_version` is that of the prompt when the label was last set: it never comes
    back, not even when a label is removed and set again.
    """

    __tablename__ = "labels"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    prompt_id: Mapped[str] = mapped_column(Id, primary_key=True)
    label: Mapped[str] = mapped_column(Name(MAX_LABEL_CHARS), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    updated_by_kind: Mapped[str] = mapped_column(Name(16))
    updated_by_id: Mapped[str] = mapped_column(Id)
    updated_by_name: Mapped[str] = mapped_column(String(200))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger)

    @property
    def updated_by(self) -> Author:
        """Who set it last."""
        return Author(self.updated_by_kind, self.updated_by_id, self.updated_by_name)


class LabelEvent(Table):
    """One move of a label; rows are only added.

    `sequence` is the prompt's row version after the move: it grows under the prompt's row lock, so the order
    of events does not hang on anybody's clock.
    """

    __tablename__ = "label_events"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    prompt_id: Mapped[str] = mapped_column(Id, primary_key=True)
    label: Mapped[str] = mapped_column(Name(MAX_LABEL_CHARS), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(Id)
    action: Mapped[str] = mapped_column(Name(16))
    from_version: Mapped[int] = mapped_column(Integer)
    to_version: Mapped[int] = mapped_column(Integer)
    actor_kind: Mapped[str] = mapped_column(Name(16))
    actor_id: Mapped[str] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def actor(self) -> Author:
        """Who did it."""
        return Author(self.actor_kind, self.actor_id, self.actor_name)
