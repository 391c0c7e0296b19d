"""Waits that grow with failed sign-ins, counted in SQL: neither a restart nor a flushed Redis forgives them.

Failures are counted three ways. For the pair of account and address the wait begins after 5 failures; for the account
from anywhere after 20; for the address, whatever the account, after 50. It doubles from one second up to a minute
(half a minute for the account) and is forgotten after 15 quiet minutes.

It never locks anyone out. An attempt inside a wait is refused unseen and does not prolong it, so whoever has the right
password gets in at the latest when the wait is over. And where a person has signed in before, only the pair counts:
strangers who guess at an account, or colleagues behind the same address, cannot keep its owner away.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from servicekit.errors import ResourceExhausted
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.models import LoginFailures
from auth_service.sessions.models import SessionFamily
from auth_service.users.models import User

FORGOTTEN_AFTER = timedelta(minutes=15)
PURGE_BATCH = 1000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limit:
    """From the `free_failures`-th failure on, each one makes the next attempt wait, up to the longest wait."""

    free_failures: int
    longest_wait_seconds: float

    def wait_seconds(self, failures: int) -> float:
        """The wait after that many failures: 1, 2, 4, … seconds."""
        if failures < self.free_failures:
            return 0.0
        return min(2.0 ** min(failures - self.free_failures, 30), self.longest_wait_seconds)


PAIR = Limit(free_failures=5, longest_wait_seconds=60.0)
ACCOUNT = Limit(free_failures=20, longest_wait_seconds=30.0)
ADDRESS = Limit(free_failures=50, longest_wait_seconds=60.0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in: the folded e-mail and the client's address."""

    email: str
    ip: str

    @property
    def pair(self) -> bytes:
        """What failures of this account from this address are counted by."""
        return _digest("pair", self.email, _network(self.ip))

    @property
    def account(self) -> bytes:
        """What failures of this account from anywhere are counted by; also when there is no such account."""
        return _digest("account", self.email)

    @property
    def address(self) -> bytes:
        """What failures from this address are counted by."""
        return _digest("address", _network(self.ip))

    def limits(self) -> Sequence[tuple[bytes, Limit]]:
        """Subjects with their limits, in the one order in which rows are locked."""
        return sorted([(self.pair, PAIR), (self.account, ACCOUNT), (self.address, ADDRESS)], key=lambda entry: entry[0])


@dataclass(frozen=True, slots=True)
class Standing:
    """How an attempt stands.

    Attributes:
        wait_seconds: how long it must wait; 0 when it may go on.
        suspicion: how many failures its address has had; -1 where the person has signed in before.
    """

    wait_seconds: float
    suspicion: int

    def check(self) -> None:
        """Refuse an attempt that must wait.

        Raises:
            ResourceExhausted: `rate_limited`, with the time to wait.
        """
        if self.wait_seconds > 0:
            seconds = ceil(self.wait_seconds)
            raise ResourceExhausted(
                f"Too many failed sign-ins; wait {seconds} s and try again.",
                metadata={"seconds": str(seconds)},
                retry_after_seconds=float(seconds),
            )


async def standing(session: AsyncSession, attempt: Attempt, *, now: datetime) -> Standing:
    """How `attempt` stands now; the same statements whether the account exists or not."""
    subjects = [subject for subject, _ in attempt.limits()]
    counted = select(LoginFailures).where(
        LoginFailures.subject.in_(subjects), LoginFailures.last_failed_at > now - FORGOTTEN_AFTER
    )
    rows = {bytes(row.subject): row for row in await session.scalars(counted)}
    # Always asked, so that the time it takes tells nothing about the account.
    is_familiar = await _has_signed_in_before(session, attempt)
    heeded = [attempt.pair] if is_familiar else subjects
    blocked_until = max((rows[subject].blocked_until for subject in heeded if subject in rows), default=now)
    from_address = rows.get(attempt.address)
    failures = 0 if from_address is None else from_address.failures
    return Standing(
        wait_seconds=max(0.0, (blocked_until - now).total_seconds()),
        suspicion=-1 if is_familiar else failures,
    )


async def count_failure(session: AsyncSession, attempt: Attempt, *, now: datetime) -> None:
    """Count one failure in all three ways."""
    for subject, limit in attempt.limits():
        row = await _locked(session, subject)
        is_forgotten = row.last_failed_at <= now - FORGOTTEN_AFTER
        row.failures = 1 if is_forgotten else row.failures + 1
        row.last_failed_at = now
        row.blocked_until = now + timedelta(seconds=limit.wait_seconds(row.failures))


async def forgive(session: AsyncSession, attempt: Attempt) -> None:
    """Forget the failures of an account whose owner has signed in; not those of the address.

    An attacker with an account of their own could otherwise clear the address as often as needed.
    """
    for subject in sorted((attempt.pair, attempt.account)):
        await session.execute(delete(LoginFailures).where(LoginFailures.subject == subject))


async def purge(session: AsyncSession, *, now: datetime) -> int:
    """Delete up to 1000 rows that no longer count; how many there were."""
    old = (
        select(LoginFailures.subject)
        .where(LoginFailures.last_failed_at <= now - FORGOTTEN_AFTER)
        .order_by(LoginFailures.last_failed_at)
        .limit(PURGE_BATCH)
    )
    subjects = list(await session.scalars(old))
    if subjects:
        await session.execute(
            delete(LoginFailures).where(
                LoginFailures.subject.in_(subjects), LoginFailures.last_failed_at <= now - FORGOTTEN_AFTER
            ),
        )
    return len(subjects)


async def _locked(session: AsyncSession, subject: bytes) -> LoginFailures:
    # Insert first: there is no row lock on a row that is not there.
    await session.execute(
        insert(LoginFailures)
        .prefix_with("IGNORE", dialect="mysql")
        .prefix_with("OR IGNORE", dialect="sqlite")
        .values(subject=subject, failures=0, last_failed_at=_LONG_AGO, blocked_until=_LONG_AGO),
    )
    row = select(LoginFailures).where(LoginFailures.subject == subject).with_for_update()
    return (await session.scalars(row.execution_options(populate_existing=True))).one()


async def _has_signed_in_before(session: AsyncSession, attempt: Attempt) -> bool:
    before = (
        select(SessionFamily.id)
        .join(User, User.id == SessionFamily.user_id)
        .where(User.email == attempt.email, SessionFamily.ip == attempt.ip)
        .limit(1)
    )
    return attempt.ip != "" and await session.scalar(before) is not None


def _network(ip: str) -> str:
    """An address as failures are counted by: of IPv6 the /64, which one customer has whole."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:  # how a dual-stack socket shows IPv4, all of it in one /64
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _digest(kind: str, *parts: str) -> bytes:
    return hashlib.sha256("\0".join((kind, *parts)).encode()).digest()
