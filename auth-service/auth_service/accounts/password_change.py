"""Changing one's own password: prove the current one, hash the new one, then write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from servicekit import audit
from servicekit.auth.identity import Actor
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import passwords, throttle
from auth_service.accounts.context import SignInContext
from auth_service.accounts.password_proof import Proof, hashing_turn, invalid_credentials, prove
from auth_service.accounts.throttle import Attempt
from auth_service.sessions import revocation
from auth_service.sessions.rules import Device
from auth_service.users import rules as users
from auth_service.validation import refuse


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change of one's own password, verified and hashed, to be applied in a transaction.

    Attributes:
        attempt: what a wrong current password counts as.
        proof: of the current password.
        new_hash: None when the proof failed.
    """

    attempt: Attempt
    proof: Proof
    new_hash: str | None


@asynccontextmanager
async def prepare(
    context: SignInContext, actor: Actor, *, current: str, new: str, device: Device
) -> AsyncIterator[PasswordChange]:
    """Verify a person's current password and hash the new one; apply or count it inside the context.

    Until it is left no other password is tried, so guesses sent all at once meet the failures of those before them.

    Raises:
        InvalidArgument: the new password is too short or too long.
        ResourceExhausted: `rate_limited`, after too many failures.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    refuse(passwords.check_new(new, pointer="/new_password"))
    user = await context.database.read(partial(users.get, user_id=actor.user_id))
    attempt = Attempt(user.email, device.ip)
    async with hashing_turn(context, attempt):
        proof = await prove(context, user, current)
        new_hash = await context.passwords.hash(new) if proof.is_right else None
        yield PasswordChange(attempt, proof, new_hash)


async def apply(session: AsyncSession, change: PasswordChange, actor: Actor, *, context: SignInContext) -> int:
    """Store the new password and end every other session; how many ended.

    Raises:
        Unauthenticated: `invalid_credentials`; count it with `password_proof.leave_trace`.
    """
    user = await users.get(session, actor.user_id, is_locking=True)
    now = context.clock()
    if change.new_hash is None or not change.proof.holds_for(user):
        raise invalid_credentials()
    user.password_hash = change.new_hash
    user.updated_at = now
    user.row_version += 1
    await throttle.forgive(session, change.attempt)
    audit.record(session, action="account.password_changed", object_type="user", object_id=user.id)
    return await revocation.revoke_others(
        session,
        user_id=user.id,
        kept_family_id=actor.session_id,
        reason="password",
        idle=context.sessions.idle,
        now=now,
    )
