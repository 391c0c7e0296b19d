"""Proving a password: wait for the hashing thread, verify, and leave a trace when it was wrong.

The hash takes 25 ms of CPU, so no transaction is open meanwhile; what was read before it is checked again after it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from servicekit import audit
from servicekit.errors import Unauthenticated
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import throttle
from auth_service.accounts.context import SignInContext
from auth_service.accounts.throttle import Attempt
from auth_service.users.models import User


@dataclass(frozen=True, slots=True)
class Proof:
    """What verifying a password gave.

    Attributes:
        user: whose it would be; None for an unknown address.
        is_right: whether it was.
        rehashed: the password's hash with today's parameters, when the stored one is outdated.
    """

    user: User | None
    is_right: bool
    rehashed: str | None = None

    def holds_for(self, user: User) -> bool:
        """True when it was right and nobody has changed the password of `user` while it was being verified."""
        return self.is_right and self.user is not None and user.password_hash == self.user.password_hash


def invalid_credentials() -> Unauthenticated:
    """The one answer for an unknown address and a wrong password."""
    return Unauthenticated("The e-mail address or the password is wrong.", reason="invalid_credentials")


@asynccontextmanager
async def hashing_turn(context: SignInContext, attempt: Attempt) -> AsyncIterator[None]:
    """Hold the hashing thread for an attempt that need not wait.

    Raises:
        ResourceExhausted: `rate_limited`, after too many failures.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    standing = await _standing(context, attempt)
    standing.check()
    async with context.passwords.turn(suspicion=standing.suspicion):
        # Once more: those who were ahead in the queue may have failed too. Inside the turn nobody overtakes.
        (await _standing(context, attempt)).check()
        yield


async def prove(context: SignInContext, user: User | None, password: str) -> Proof:
    """Verify a password inside a turn; also without a user, so that the time it takes tells nothing."""
    match = await context.passwords.verify(user.password_hash if user else None, password)
    rehashed = await context.passwords.hash(password) if match.is_right and match.is_outdated else None
    return Proof(user, match.is_right, rehashed)


async def leave_trace(session: AsyncSession, attempt: Attempt, user: User | None, *, context: SignInContext) -> None:
    """Count a failed attempt and leave its audit row."""
    await throttle.count_failure(session, attempt, now=context.clock())
    # The address that was tried stays out: people type passwords into the wrong field.
    audit.record(
        session,
        action="account.login_failed",
        object_type="user",
        object_id=user.id if user else "unknown",
    )


async def _standing(context: SignInContext, attempt: Attempt) -> throttle.Standing:
    return await context.database.read(partial(throttle.standing, attempt=attempt, now=context.clock()))
