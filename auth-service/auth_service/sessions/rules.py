"""Session families: how they begin, rotate their refresh tokens, and end by reuse.

Whatever happens to a family happens under its row lock, so a refresh and a revocation never both win.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from servicekit.auth.identity import Actor
from servicekit.errors import Unauthenticated
from servicekit.ids import new_id
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.memberships import rules as memberships
from auth_service.memberships.rules import WorkspaceRole
from auth_service.sessions import families, quota, refresh_tokens
from auth_service.sessions.models import IP_MAX_CHARS, USER_AGENT_MAX_CHARS, RefreshToken, SessionFamily
from auth_service.users import rules as users
from auth_service.users.models import User


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions live and what their refresh tokens are made with.

    Attributes:
        refresh_key: the secret of every refresh token.
        idle: a family not refreshed for this long is over.
        absolute: a family this old is over.
        grace: for this long the token before gets the same successor again.
    """

    refresh_key: bytes
    idle: timedelta
    absolute: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Device:
    """Where a person signs in from, as the gateway saw it."""

    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class IssuedRefreshToken:
    """A refresh token and what its access token will say: everything in *tokens* but the signature."""

    user: User
    workspace: WorkspaceRole
    family_id: str
    refresh_token: str
    refresh_expires_in_seconds: int

    @property
    def actor(self) -> Actor:
        """The person as the access token will say."""
        return actor_for(self.user, self.workspace, session_id=self.family_id)


@dataclass(frozen=True, slots=True)
class ReuseDetected:
    """The outcome of a refresh that has ended the family and left its trace; commit, then raise `error`."""

    error: Unauthenticated


def actor_for(user: User, workspace: WorkspaceRole, *, session_id: str) -> Actor:
    """A person in one workspace and session."""
    return Actor(
        kind="user",
        id=user.id,
        user_id=user.id,
        name=user.display_name,
        workspace_id=workspace.id,
        role=workspace.role,
        session_id=session_id,
    )


async def start(
    session: AsyncSession,
    user: User,
    workspace: WorkspaceRole,
    *,
    device: Device,
    policy: SessionPolicy,
    now: datetime,
) -> IssuedRefreshToken:
    """Begin a family for someone who has just proved who they are, and whose row the caller holds."""
    await quota.make_room(session, user_id=user.id, idle=policy.idle, now=now)
    family = SessionFamily(
        id=new_id(),
        user_id=user.id,
        last_workspace_id=workspace.id,
        generation=0,
        version=1,
        created_at=now,
        refreshed_at=now,
        expires_at=now + policy.absolute,
        ended_at=None,
        ended_reason=None,
        ip=device.ip[:IP_MAX_CHARS],
        user_agent=device.user_agent[:USER_AGENT_MAX_CHARS],
    )
    session.add(family)
    await session.flush()
    token = _add_token(session, family, policy=policy, now=now)
    return _issued(user, workspace, family, token, policy=policy, now=now)


async def rotate(
    session: AsyncSession,
    token: str,
    *,
    workspace_id: str,
    device: Device,
    policy: SessionPolicy,
    now: datetime,
) -> IssuedRefreshToken | ReuseDetected:
    """Exchange a refresh token for its successor.

    The token before the newest gets the newest once more while the grace lasts: two tabs that refresh together must
    not log a person out. Any other reuse means that two hold the token, and ends the family for both. An empty
    `workspace_id` means the workspace of the access token before.

    Raises:
        Unauthenticated: `refresh_invalid`, not a token of a live session; `refresh_expired`; `refresh_reused`, the
            family ended earlier by reuse.
        NotFound: the workspace asked for is not the person's; the token stays good.
    """
    family, generation = await families.by_token(session, token)
    _check_live(family, policy=policy, now=now)
    is_newest = generation == family.generation
    is_repeat = generation == family.generation - 1 and now - family.refreshed_at <= policy.grace
    if not is_newest and not is_repeat:
        families.end(session, family, reason="reuse", now=now)
        families.record(session, "session.refresh_reused", family, generation=generation)
        return ReuseDetected(families.reused())
    user = await users.find(session, family.user_id)
    if user is None:
        raise families.invalid()
    workspace = await _choose_workspace(session, family, workspace_id)
    family.last_workspace_id = workspace.id
    if is_newest:
        successor = _advance(session, family, device=device, policy=policy, now=now)
    else:
        successor = refresh_tokens.make(policy.refresh_key, family_id=family.id, generation=family.generation)
    return _issued(user, workspace, family, successor, policy=policy, now=now)


def _check_live(family: SessionFamily, *, policy: SessionPolicy, now: datetime) -> None:
    if family.ended_at is not None:
        raise families.reused() if family.ended_reason == "reuse" else families.invalid()
    if family.is_expired(idle=policy.idle, now=now):
        raise families.expired()


def _advance(
    session: AsyncSession, family: SessionFamily, *, device: Device, policy: SessionPolicy, now: datetime
) -> str:
    family.generation += 1
    family.refreshed_at = now
    family.ip = device.ip[:IP_MAX_CHARS]
    family.user_agent = device.user_agent[:USER_AGENT_MAX_CHARS]
    return _add_token(session, family, policy=policy, now=now)


async def switch(
    session: AsyncSession,
    *,
    user_id: str,
    family_id: str,
    workspace_id: str,
    policy: SessionPolicy,
    now: datetime,
) -> tuple[User, WorkspaceRole]:
    """Choose another workspace for a live session.

    Raises:
        Unauthenticated: the session has ended.
        NotFound: the workspace is not the person's.
    """
    family = await families.lock(session, family_id)
    user = await users.find(session, user_id)
    if family is None or user is None or family.user_id != user_id or not family.is_live(idle=policy.idle, now=now):
        raise Unauthenticated("This session has ended; sign in again.")
    workspace = await memberships.get(session, workspace_id=workspace_id, user_id=user_id)
    family.last_workspace_id = workspace.id
    return user, workspace


async def _choose_workspace(session: AsyncSession, family: SessionFamily, asked_id: str) -> WorkspaceRole:
    if asked_id:
        return await memberships.get(session, workspace_id=asked_id, user_id=family.user_id)
    before = await memberships.find(session, workspace_id=family.last_workspace_id, user_id=family.user_id)
    return before or await memberships.default_of(session, user_id=family.user_id)


def _add_token(session: AsyncSession, family: SessionFamily, *, policy: SessionPolicy, now: datetime) -> str:
    token = refresh_tokens.make(policy.refresh_key, family_id=family.id, generation=family.generation)
    session.add(
        RefreshToken(
            family_id=family.id,
            generation=family.generation,
            token_hash=refresh_tokens.hash_of(token),
            created_at=now,
        ),
    )
    return token


def _issued(
    user: User,
    workspace: WorkspaceRole,
    family: SessionFamily,
    token: str,
    *,
    policy: SessionPolicy,
    now: datetime,
) -> IssuedRefreshToken:
    good_until = min(family.expires_at, family.refreshed_at + policy.idle)
    return IssuedRefreshToken(
        user=user,
        workspace=workspace,
        family_id=family.id,
        refresh_token=token,
        refresh_expires_in_seconds=max(0, int((good_until - now).total_seconds())),
    )


def live_of(*, user_id: str, idle: timedelta, now: datetime) -> Select[SessionFamily]:
    """The live sessions of a person, for a page."""
    return select(SessionFamily).where(
        SessionFamily.user_id == user_id,
        SessionFamily.ended_at.is_(None),
        SessionFamily.expires_at > now,
        SessionFamily.refreshed_at > now - idle,
    )
