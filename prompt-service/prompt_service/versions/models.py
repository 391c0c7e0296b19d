"""The table of versions. Rows are inserted and read, never changed."""

from datetime import datetime
from typing import Any, cast

from servicekit.db.schema import Digest, Id, Json, LongText, Name, UtcDateTime
from servicekit.json_types import JsonValue
from sqlalchemy import Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prompt_service.authors import Author, author_columns
from prompt_service.rendering.bodies import Body, Message
from prompt_service.rendering.variables import Variable
from prompt_service.tables import Table


class PromptVersion(Table):
    """One version. The primary key makes numbers unique within a prompt; its row lock makes them dense.

    A run is stored once in its workspace; NULLs (no run) don't count. `stored_bytes` is about how much the
    row takes in an answer, so that a page of versions can be cut before it is read.
    """

    __tablename__ = "prompt_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "run_id"),)

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    prompt_id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[str | None] = mapped_column(LongText)
    messages: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    variables: Mapped[JsonValue] = mapped_column(Json, nullable=False)
    model_settings_json: Mapped[str] = mapped_column(LongText)
    commit_message: Mapped[str] = mapped_column(LongText)
    origin: Mapped[str] = mapped_column(Name(16))
    parent: Mapped[int] = mapped_column(Integer)
    run_id: Mapped[str | None] = mapped_column(Id)
    content_sha256: Mapped[bytes] = mapped_column(Digest)
    fingerprint: Mapped[bytes] = mapped_column(Digest)
    stored_bytes: Mapped[int] = mapped_column(Integer)
    author: Mapped[Author] = author_columns("author")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @property
    def body(self) -> Body:
        """The text, or the messages."""
        if self.content is not None:
            return self.content
        if not isinstance(self.messages, list):
            raise TypeError("a version has content or messages")
        return tuple(Message(**message) for message in cast("list[dict[str, str]]", self.messages))

    @property
    def variable_list(self) -> tuple[Variable, ...]:
        """The variables in order."""
        if not isinstance(self.variables, list):
            raise TypeError("the variables of a version are a list")
        return tuple(_variable(stored) for stored in self.variables)


def _variable(stored: JsonValue) -> Variable:
    if not isinstance(stored, dict):
        raise TypeError("a variable is an object")
    fields = cast("dict[str, Any]", stored)
    return Variable(**{**fields, "options": tuple(fields.get("options", ()))})
