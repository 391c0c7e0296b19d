"""Table: API keys."""

from datetime import datetime

from servicekit.db.schema import Digest, Id, Json, Name, UtcDateTime
from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table

NAME_MAX_CHARS = 200


class ApiKey(Table):
    """A key that acts as its creator in one workspace, limited to its scopes.

    Attributes:
        user_id: its creator.
        prefix: the first characters of the secret.
        secret_hash: SHA-256 of the whole secret, which has 256 random bits and so needs no slow hash.
        scopes: sorted names.
        allowed_ips: networks in CIDR form; empty means any.
        last_used_at: to the minute.
        version: grows when the key is rotated or revoked; part of the version of its live record.
    """

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("secret_hash"), Index(None, "workspace_id", "id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id, index=True)
    name: Mapped[str] = mapped_column(Name(NAME_MAX_CHARS))
    prefix: Mapped[str] = mapped_column(Name(16))
    secret_hash: Mapped[bytes] = mapped_column(Digest)
    scopes: Mapped[list[str]] = mapped_column(Json)
    allowed_ips: Mapped[list[str]] = mapped_column(Json)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger)
    row_version: Mapped[int] = mapped_column(BigInteger)

    def is_live(self, *, now: datetime) -> bool:
        """True unless revoked or expired; whether its creator still is a member is for the membership to say."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
