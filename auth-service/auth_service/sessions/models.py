"""Tables: session families and their refresh tokens."""

from datetime import datetime, timedelta

from servicekit.db.schema import Digest, Id, Name, UtcDateTime
from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from auth_service.tables import Table

USER_AGENT_MAX_CHARS = 400
IP_MAX_CHARS = 64


class SessionFamily(Table):
    """One sign-in of a person and all refresh tokens that came from it.

    Attributes:
        last_workspace_id: the workspace of the newest access token; the next one is for it too.
        generation: of the one refresh token that may be rotated; its row lock orders all that happens to a family.
        version: grows when the session ends; part of the version of its live record.
        refreshed_at: when `generation` was made; the grace and the idle limit count from it.
        expires_at: the absolute limit.
        ended_reason: `logout`, `ended` (from the list), `password`, `reuse` or `quota` (of too many the oldest).
        ip: address at the last refresh.
        user_agent: browser at the last refresh.
    """

    __tablename__ = "session_families"
    __table_args__ = (Index(None, "user_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    last_workspace_id: Mapped[str] = mapped_column(Id)
    generation: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refreshed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_reason: Mapped[str | None] = mapped_column(Name(16))
    ip: Mapped[str] = mapped_column(Name(IP_MAX_CHARS))
    user_agent: Mapped[str] = mapped_column(Name(USER_AGENT_MAX_CHARS))

    def is_expired(self, *, idle: timedelta, now: datetime) -> bool:
        """True past the absolute limit, or when nobody refreshed for as long as `idle`."""
        return now >= min(self.expires_at, self.refreshed_at + idle)

    def is_live(self, *, idle: timedelta, now: datetime) -> bool:
        """True while the session may be used."""
        return self.ended_at is None and not self.is_expired(idle=idle, now=now)


class RefreshToken(Table):
    """The SHA-256 of one refresh token; old generations stay, so that their reuse is recognised."""

    __tablename__ = "refresh_tokens"

    family_id: Mapped[str] = mapped_column(Id, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    token_hash: Mapped[bytes] = mapped_column(Digest)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
