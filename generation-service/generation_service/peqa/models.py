"""Tables: stored assessments."""

from datetime import datetime

from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime, now
from servicekit.json_types import JsonObject, JsonValue  # noqa: F401 - by which SQLAlchemy resolves the other
from sqlalchemy.orm import Mapped, mapped_column

from generation_service.tables import Table


class StoredAssessment(Table):
    """The newest assessment of a text by one rubric and engine.

    Attributes:
        content_digest: SHA-256 of the text after NFC.
        basis_digest: SHA-256 of the requirements it was held against; of nothing when there were none.
        engine: `rules`, or the model that judged.
    """

    __tablename__ = "assessments"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    content_digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    basis_digest: Mapped[bytes] = mapped_column(Digest, primary_key=True)
    rubric: Mapped[str] = mapped_column(Name(32), primary_key=True)
    engine: Mapped[str] = mapped_column(Name(128), primary_key=True)
    result: Mapped[JsonObject] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
