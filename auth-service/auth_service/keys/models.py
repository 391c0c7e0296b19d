"""Table: the keys that sign access tokens."""

from datetime import datetime

from servicekit.db.schema import Id, LongBytes, Name, UtcDateTime
from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table


class SigningKey(Table):
    """A P-256 key pair.

    Attributes:
        kid: UUIDv7, the key id in a token's header.
        state: `next` (published, does not sign yet), `active` (signs), `retired` (its tokens may still be valid)
            or `revoked` (its tokens are refused).
        slot: `next` or `active` while the state is that, else None: the constraint allows one of each, however
            many processes start or rotate at the same moment.
        x: affine coordinate, base64url.
        y: affine coordinate, base64url.
        sealed_private_key: PKCS #8, sealed with the secret `key-encryption` (see `keys.sealing`).
    """

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("slot"),)

    kid: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(Name(8))
    slot: Mapped[str | None] = mapped_column(Name(8))
    x: Mapped[str] = mapped_column(Name(43))
    y: Mapped[str] = mapped_column(Name(43))
    sealed_private_key: Mapped[bytes] = mapped_column(LongBytes)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
