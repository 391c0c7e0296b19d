"""Registering, signing in and changing a password: read, hash once, write.

The hash takes 25 ms of CPU, so no transaction is open meanwhile; what was read before it is checked again after it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from servicekit import audit
from servicekit.auth.identity import Actor
from servicekit.db import Database
from servicekit.errors import PermissionDenied, Unauthenticated
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import passwords, rules, throttle
from auth_service.accounts.models import User
from auth_service.accounts.passwords import Passwords
from auth_service.accounts.rules import NewAccount
from auth_service.accounts.throttle import Attempt
from auth_service.clock import Clock
from auth_service.sessions import endings
from auth_service.sessions import rules as sessions
from auth_service.sessions.rules import Client, Grant, SessionPolicy
from auth_service.workspaces import rules as workspaces


@dataclass(frozen=True, slots=True)
class Desk:
    """What it takes to sign people in."""

    database: Database
    passwords: Passwords
    sessions: SessionPolicy
    clock: Clock
    is_registration_open: bool


@dataclass(frozen=True, slots=True)
class _Proof:
    """What verifying a password gave.

    Attributes:
        user: whose it would be; None for an unknown address.
        is_right: whether it was.
        rehashed: the password's hash with today's parameters, when the stored one is outdated.
    """

    user: User | None
    is_right: bool
    rehashed: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change of one's own password, verified and hashed, to be applied in a transaction."""

    attempt: Attempt
    proof: _Proof
    new_hash: str | None


def invalid_credentials() -> Unauthenticated:
    """The one answer for an unknown address and a wrong password."""
    return Unauthenticated("The e-mail address or the password is wrong.", reason="invalid_credentials")


async def register(desk: Desk, *, email: str, password: str, display_name: str, locale: str, client: Client) -> Grant:
    """Create an account with its personal workspace and sign it in.

    Raises:
        PermissionDenied: `registration_closed`.
        InvalidArgument: with every field that is wrong.
        AlreadyExists: `email_taken`.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    if not desk.is_registration_open:
        raise PermissionDenied(
            "Registration is closed here; ask an administrator for an account.", reason="registration_closed"
        )
    account = rules.check_new_account(email=email, password=password, display_name=display_name, locale=locale)
    # Spares the hash; the constraint decides when two register at once.
    if await desk.database.read(partial(rules.find_by_email, email=account.email)) is not None:
        raise rules.email_taken()
    async with desk.passwords.turn():
        password_hash = await desk.passwords.hash(password)
    return await desk.database.write(
        partial(_create_account, desk=desk, account=account, password_hash=password_hash, client=client),
    )


async def login(desk: Desk, *, email: str, password: str, client: Client) -> Grant:
    """Sign in with e-mail and password; a failure leaves its trace.

    Raises:
        Unauthenticated: `invalid_credentials`, the same for an unknown address and a wrong password.
        ResourceExhausted: `rate_limited`, after too many failures.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    attempt = Attempt(rules.fold_email(email), client.ip)
    async with _turn(desk, attempt):
        user = await desk.database.read(partial(rules.find_by_email, email=attempt.email))
        proof = await _prove(desk, user, password)
        grant = await desk.database.write(
            partial(_settle_login, desk=desk, attempt=attempt, proof=proof, client=client),
        )
    if grant is None:
        raise invalid_credentials()
    return grant


@asynccontextmanager
async def password_change(
    desk: Desk, actor: Actor, *, current: str, new: str, client: Client
) -> AsyncIterator[PasswordChange]:
    """Verify a person's current password and hash the new one; apply or count it inside the context.

    Until it is left no other password is tried, so guesses sent all at once meet the failures of those before them.

    Raises:
        InvalidArgument: the new password is too short or too long.
        ResourceExhausted: `rate_limited`, after too many failures.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    rules.refuse(passwords.check_new(new, pointer="/new_password"))
    user = await desk.database.read(partial(rules.get, user_id=actor.user_id))
    attempt = Attempt(user.email, client.ip)
    async with _turn(desk, attempt):
        proof = await _prove(desk, user, current)
        new_hash = await desk.passwords.hash(new) if proof.is_right else None
        yield PasswordChange(attempt, replace(proof, rehashed=None), new_hash)


async def apply_password_change(session: AsyncSession, change: PasswordChange, actor: Actor, *, desk: Desk) -> int:
    """Store the new password and end every other session; how many ended.

    Raises:
        Unauthenticated: `invalid_credentials`; count it with `count_wrong_password`.
    """
    user = await rules.get(session, actor.user_id, is_locking=True)
    now = desk.clock()
    if change.new_hash is None or not _is_unchanged(user, change.proof):
        raise invalid_credentials()
    user.password_hash = change.new_hash
    user.updated_at = now
    user.row_version += 1
    await throttle.forgive(session, change.attempt)
    audit.record(session, action="account.password_changed", object_type="user", object_id=user.id)
    return await endings.end_others(
        session,
        user_id=user.id,
        kept_family_id=actor.session_id,
        reason="password",
        idle=desk.sessions.idle,
        now=now,
    )


async def count_wrong_password(session: AsyncSession, change: PasswordChange, *, desk: Desk) -> None:
    """Leave the trace of a password change that was refused."""
    await _leave_trace(session, change.attempt, change.proof.user, desk=desk)


@asynccontextmanager
async def _turn(desk: Desk, attempt: Attempt) -> AsyncIterator[None]:
    """Hold the hashing thread for an attempt that need not wait."""
    standing = await _standing(desk, attempt)
    standing.check()
    async with desk.passwords.turn(suspicion=standing.suspicion):
        # Once more: those who were ahead in the queue may have failed too. Inside the turn nobody overtakes.
        (await _standing(desk, attempt)).check()
        yield


async def _standing(desk: Desk, attempt: Attempt) -> throttle.Standing:
    return await desk.database.read(partial(throttle.standing, attempt=attempt, now=desk.clock()))


async def _prove(desk: Desk, user: User | None, password: str) -> _Proof:
    match = await desk.passwords.verify(user.password_hash if user else None, password)
    rehashed = await desk.passwords.hash(password) if match.is_right and match.is_outdated else None
    return _Proof(user, match.is_right, rehashed)


async def _create_account(
    session: AsyncSession, *, desk: Desk, account: NewAccount, password_hash: str, client: Client
) -> Grant:
    now = desk.clock()
    user = await rules.create(session, account, password_hash=password_hash, now=now)
    workspace = await workspaces.create_personal(session, user, now=now)
    grant = await sessions.start(session, user, workspace, client=client, policy=desk.sessions, now=now)
    audit.record(session, action="account.register", object_type="user", object_id=user.id, actor=grant.actor)
    return grant


async def _settle_login(
    session: AsyncSession, *, desk: Desk, attempt: Attempt, proof: _Proof, client: Client
) -> Grant | None:
    """The session of a proven person; None when the proof failed, whose trace is to be committed."""
    if proof.user is None or not proof.is_right:
        await _leave_trace(session, attempt, proof.user, desk=desk)
        return None
    now = desk.clock()
    user = await rules.get(session, proof.user.id, is_locking=True)
    if not _is_unchanged(user, proof):
        await _leave_trace(session, attempt, user, desk=desk)
        return None
    if proof.rehashed is not None:
        user.password_hash = proof.rehashed
    await throttle.forgive(session, attempt)
    workspace = await workspaces.default_of(session, user_id=user.id)
    grant = await sessions.start(session, user, workspace, client=client, policy=desk.sessions, now=now)
    audit.record(session, action="account.login", object_type="user", object_id=user.id, actor=grant.actor)
    return grant


async def _leave_trace(session: AsyncSession, attempt: Attempt, user: User | None, *, desk: Desk) -> None:
    await throttle.count_failure(session, attempt, now=desk.clock())
    # The address that was tried stays out: people type passwords into the wrong field.
    audit.record(
        session,
        action="account.login_failed",
        object_type="user",
        object_id=user.id if user else "unknown",
    )


def _is_unchanged(user: User, proof: _Proof) -> bool:
    """False when somebody changed the password while it was being verified."""
    return proof.user is not None and user.password_hash == proof.user.password_hash
