"""Tables of labels and of what happened to them."""

from datetime import datetime

from servicekit.db.schema import Id, LongText, Name, UtcDateTime
from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from prompt_service.authors import Author, author_columns
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
    updated_by: Mapped[Author] = author_columns("updated_by")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger)


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
    actor: Mapped[Author] = author_columns("actor")
    reason: Mapped[str] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
