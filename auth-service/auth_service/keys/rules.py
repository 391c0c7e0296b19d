"""The life of signing keys: next, active, retired; one of each of the first two, by constraint."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from servicekit.ids import new_id
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.keys.models import SigningKey
from auth_service.keys.sealing import seal

PUBLISHED_AFTER_RETIRING = timedelta(hours=1)
"""Longer than any token lives, clocks that differ by minutes included."""


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How keys are kept: `secret` seals private keys, `max_age` is when the active one is replaced."""

    secret: bytes
    max_age: timedelta


async def published(session: AsyncSession, *, now: datetime) -> Sequence[SigningKey]:
    """Every key whose tokens may be valid now or soon: next, active, and those retired lately."""
    lately = now - PUBLISHED_AFTER_RETIRING
    ring = select(SigningKey).where(
        or_(
            SigningKey.state.in_(("next", "active")),
            (SigningKey.state == "retired") & (SigningKey.retired_at > lately),
        ),
    )
    return list(await session.scalars(ring.order_by(SigningKey.kid)))


async def is_rotation_due(session: AsyncSession, *, policy: KeyPolicy, now: datetime) -> bool:
    """True unless there is an active key, not too old, and a next one; only reads."""
    slots = await _slots(session, is_locking=False)
    return "next" not in slots or "active" not in slots or _is_too_old(slots["active"], policy, now)


async def rotate(session: AsyncSession, *, policy: KeyPolicy, now: datetime) -> None:
    """Make the keys that are missing and replace an active one that is too old by the next.

    Safe to call from any number of processes: the active row's lock orders rotations and the age is looked at under
    it. The next key has been published for as long as the old one was active, so every verifier knows it.

    Raises:
        IntegrityError: another process was faster to fill a slot; the ring is in order, read it again.
    """
    slots = await _slots(session, is_locking=True)
    active, upcoming = slots.get("active"), slots.get("next")
    if active is not None and not _is_too_old(active, policy, now):
        if upcoming is None:
            session.add(_new_key("next", policy=policy, now=now))
            await session.flush()
        return
    if active is not None:
        active.state, active.slot, active.retired_at = "retired", None, now
        await session.flush()  # each slot is free before it is taken: flush orders nothing by constraints
    if upcoming is not None:
        upcoming.state = upcoming.slot = "active"
        upcoming.activated_at = now
    else:
        session.add(_new_key("active", policy=policy, now=now))
    await session.flush()
    session.add(_new_key("next", policy=policy, now=now))
    await session.flush()


async def _slots(session: AsyncSession, *, is_locking: bool) -> dict[str, SigningKey]:
    taken = select(SigningKey).where(SigningKey.slot.is_not(None)).order_by(SigningKey.slot)
    rows = await session.scalars(taken.with_for_update() if is_locking else taken)
    return {row.slot: row for row in rows if row.slot is not None}


def _is_too_old(active: SigningKey, policy: KeyPolicy, now: datetime) -> bool:
    return active.activated_at is None or now - active.activated_at >= policy.max_age


def _new_key(slot: str, *, policy: KeyPolicy, now: datetime) -> SigningKey:
    private_key = ec.generate_private_key(ec.SECP256R1())
    numbers = private_key.public_key().public_numbers()
    kid = new_id()
    return SigningKey(
        kid=kid,
        state=slot,
        slot=slot,
        x=_base64url(numbers.x),
        y=_base64url(numbers.y),
        sealed_private_key=seal(private_key, kid=kid, secret=policy.secret),
        created_at=now,
        activated_at=now if slot == "active" else None,
        retired_at=None,
    )


def _base64url(coordinate: int) -> str:
    return base64.urlsafe_b64encode(coordinate.to_bytes(32, "big")).rstrip(b"=").decode()
