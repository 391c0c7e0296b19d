"""Tables: runs, their saved events, attempts at a provider, and the ledger of what those cost."""

from datetime import datetime
from decimal import Decimal

from servicekit.db.schema import FixedPoint, Id, Json, LongText, Name, UtcDateTime, now
from servicekit.json_types import JsonObject, JsonValue
from servicekit.leases import Leased
from sqlalchemy import BigInteger, Boolean, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from generation_service.tables import Table

COST_PLACES = 9
"""Places of a cost in CNY: one token at 0.001 CNY a million is still a number."""


class Run(Leased, Table):
    """One piece of work that a person waits for.

    Attributes:
        user_id: the person it belongs to; for an API key, its creator.
        created_by_kind: `user` or `api_key`.
        source: what it works on: ids and versions, never the text.
        result: by kind, once it has succeeded.
        error: a stored `RunFailure`.
        end_event_id: id of the end event; None until it has ended.
        is_cancel_asked: its owner shall stop it.
        lease_until: None once it has ended, so that nobody takes it over.
        row_version: grows with each change of state.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(None, "workspace_id", "user_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id)
    created_by_kind: Mapped[str] = mapped_column(Name(16))
    created_by_id: Mapped[str] = mapped_column(Id)
    created_by_name: Mapped[str] = mapped_column(LongText)
    kind: Mapped[str] = mapped_column(Name(16))
    state: Mapped[str] = mapped_column(Name(16))
    engine: Mapped[str] = mapped_column(Name(16))
    model: Mapped[str] = mapped_column(Name(128))
    source: Mapped[JsonObject] = mapped_column(Json)
    result: Mapped[JsonObject | None] = mapped_column(Json)
    error: Mapped[JsonObject | None] = mapped_column(Json)
    end_event_id: Mapped[int | None] = mapped_column(BigInteger)
    is_cancel_asked: Mapped[bool] = mapped_column(Boolean, default=False)
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cost: Mapped[Decimal] = mapped_column(FixedPoint(COST_PLACES), default=Decimal(0))
    is_estimated: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(BigInteger, default=1)


class RunSegment(Table):
    """Some consecutive events of a run, `[[id, name, data], …]`, saved together."""

    __tablename__ = "run_segments"

    run_id: Mapped[str] = mapped_column(Id, primary_key=True)
    first_event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_event_id: Mapped[int] = mapped_column(BigInteger)
    workspace_id: Mapped[str] = mapped_column(Id)
    events: Mapped[list[JsonValue]] = mapped_column(Json)


class Attempt(Table):
    """One call to a provider; the row is there before the call is made.

    Attributes:
        purpose: what it is for, such as `write`.
        number: of the try, from 1.
        state: `started`, then `succeeded`, `failed`, `cancelled` or `interrupted`.
        estimated_input_tokens: what we sent, counted by us; all we know when nobody hears the end.
    """

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "workspace_id", "run_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    run_id: Mapped[str] = mapped_column(Id)
    model: Mapped[str] = mapped_column(Name(128))
    purpose: Mapped[str] = mapped_column(Name(32))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Name(16))
    estimated_input_tokens: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cached_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cost: Mapped[Decimal | None] = mapped_column(FixedPoint(COST_PLACES))
    is_estimated: Mapped[bool | None] = mapped_column(Boolean)
    error_reason: Mapped[str | None] = mapped_column(Name(64))
    upstream_request_id: Mapped[str | None] = mapped_column(Name(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class LedgerEntry(Table):
    """What one attempt cost; its key is the attempt's, so there cannot be two."""

    __tablename__ = "usage_ledger"
    __table_args__ = (Index(None, "workspace_id", "created_at"), Index(None, "workspace_id", "run_id"))

    attempt_id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    run_id: Mapped[str] = mapped_column(Id)
    user_id: Mapped[str] = mapped_column(Id)
    created_by_kind: Mapped[str] = mapped_column(Name(16))
    created_by_id: Mapped[str] = mapped_column(Id)
    model: Mapped[str] = mapped_column(Name(128))
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_tokens: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[Decimal] = mapped_column(FixedPoint(COST_PLACES))
    is_estimated: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
