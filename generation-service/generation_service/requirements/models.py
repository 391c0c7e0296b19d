"""Tables: parsed descriptions."""

from datetime import datetime

from servicekit.db.schema import Id, Json, LongText, Name, UtcDateTime, now
from servicekit.json_types import JsonObject, JsonValue  # noqa: F401 - by which SQLAlchemy resolves the other
from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from generation_service.tables import Table


class StoredRequirement(Table):
    """A parse and its form; its id is that of the run that made it."""

    __tablename__ = "requirements"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    description: Mapped[str] = mapped_column(LongText)
    language: Mapped[str] = mapped_column(Name(8))
    input_class: Mapped[str] = mapped_column(Name(32))
    agent_type: Mapped[str] = mapped_column(Name(64))
    requirements: Mapped[list[JsonObject]] = mapped_column(Json)
    unknowns: Mapped[list[JsonObject]] = mapped_column(Json)
    form: Mapped[JsonObject] = mapped_column(Json)
    engine: Mapped[str] = mapped_column(Name(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
