"""Registering, and signing in with e-mail and password: read, hash once, write."""

from functools import partial

from servicekit import audit
from servicekit.errors import PermissionDenied
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import passwords, throttle
from auth_service.accounts.context import SignInContext
from auth_service.accounts.password_proof import Proof, hashing_turn, invalid_credentials, leave_trace, prove
from auth_service.accounts.throttle import Attempt
from auth_service.memberships import rules as memberships
from auth_service.sessions import rules as sessions
from auth_service.sessions.rules import Device, IssuedRefreshToken
from auth_service.users import rules as users
from auth_service.users.rules import NewUser
from auth_service.validation import refuse
from auth_service.workspaces import rules as workspaces


async def register(
    context: SignInContext, *, email: str, password: str, display_name: str, locale: str, device: Device
) -> IssuedRefreshToken:
    """Create an account with its personal workspace and sign it in.

    Raises:
        PermissionDenied: `registration_closed`.
        InvalidArgument: with every field that is wrong.
        AlreadyExists: `email_taken`.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    if not context.is_registration_open:
        raise PermissionDenied(
            "Registration is closed here; ask an administrator for an account.", reason="registration_closed"
        )
    new, violations = users.check_new(email=email, display_name=display_name, locale=locale)
    refuse(passwords.check_new(password, pointer="/password") + violations)
    # Spares the hash; the constraint decides when two register at once.
    if await context.database.read(partial(users.find_by_email, email=new.email)) is not None:
        raise users.email_taken()
    async with context.passwords.turn():
        password_hash = await context.passwords.hash(password)
    return await context.database.write(
        partial(_create_account, context=context, new=new, password_hash=password_hash, device=device),
    )


async def login(context: SignInContext, *, email: str, password: str, device: Device) -> IssuedRefreshToken:
    """Sign in with e-mail and password; a failure leaves its trace.

    Raises:
        Unauthenticated: `invalid_credentials`, the same for an unknown address and a wrong password.
        ResourceExhausted: `rate_limited`, after too many failures.
        Unavailable: `overloaded`, too many wait for a hash.
    """
    attempt = Attempt(users.fold_email(email), device.ip)
    async with hashing_turn(context, attempt):
        user = await context.database.read(partial(users.find_by_email, email=attempt.email))
        proof = await prove(context, user, password)
        issued = await context.database.write(
            partial(_settle_login, context=context, attempt=attempt, proof=proof, device=device),
        )
    if issued is None:
        raise invalid_credentials()
    return issued


async def _create_account(
    session: AsyncSession, *, context: SignInContext, new: NewUser, password_hash: str, device: Device
) -> IssuedRefreshToken:
    now = context.clock()
    user = await users.create(session, new, password_hash=password_hash, now=now)
    workspace = await workspaces.create_personal(session, user, now=now)
    issued = await sessions.start(session, user, workspace, device=device, policy=context.sessions, now=now)
    audit.record(session, action="account.register", object_type="user", object_id=user.id, actor=issued.actor)
    return issued


async def _settle_login(
    session: AsyncSession, *, context: SignInContext, attempt: Attempt, proof: Proof, device: Device
) -> IssuedRefreshToken | None:
    """The session of a proven person; None when the proof failed, whose trace is to be committed."""
    if proof.user is None or not proof.is_right:
        await leave_trace(session, attempt, proof.user, context=context)
        return None
    now = context.clock()
    user = await users.get(session, proof.user.id, is_locking=True)
    if not proof.holds_for(user):
        await leave_trace(session, attempt, user, context=context)
        return None
    if proof.rehashed is not None:
        user.password_hash = proof.rehashed
    await throttle.forgive(session, attempt)
    workspace = await memberships.default_of(session, user_id=user.id)
    issued = await sessions.start(session, user, workspace, device=device, policy=context.sessions, now=now)
    audit.record(session, action="account.login", object_type="user", object_id=user.id, actor=issued.actor)
    return issued
