"""Workspaces and their members: making, changing, ending; what follows for sessions and keys in one transaction."""

from datetime import datetime

from servicekit.auth.identity import Role
from servicekit.errors import FailedPrecondition, NotFound
from servicekit.ids import new_id
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.api_keys import rules as api_keys
from auth_service.live_records import outbox
from auth_service.memberships.models import WORKSPACE_NAME_MAX_CHARS, Membership, Workspace
from auth_service.memberships.rules import WorkspaceRole
from auth_service.sessions import families
from auth_service.users import rules as users
from auth_service.users.models import User

_PERSONAL_NAMES = {"zh": "{name}的工作区", "en": "{name}'s workspace"}


async def create_personal(session: AsyncSession, user: User, *, now: datetime) -> WorkspaceRole:
    """The first workspace of a new person, who administers it; named in the person's language."""
    template = _PERSONAL_NAMES[user.locale]
    room = WORKSPACE_NAME_MAX_CHARS - len(template.format(name=""))
    workspace = Workspace(
        id=new_id(),
        name=template.format(name=user.display_name[:room]),
        personal_of=user.id,
        created_at=now,
        updated_at=now,
        row_version=1,
    )
    session.add(workspace)
    await session.flush()
    await add_member(session, workspace_id=workspace.id, user_id=user.id, role=Role.ADMIN, now=now)
    return WorkspaceRole(workspace.id, workspace.name, Role.ADMIN)


async def add_member(session: AsyncSession, *, workspace_id: str, user_id: str, role: Role, now: datetime) -> None:
    """Make a person a member.

    Raises:
        IntegrityError: the person is one already.
    """
    session.add(
        Membership(workspace_id=workspace_id, user_id=user_id, role=role.label, created_at=now, row_version=1),
    )
    await session.flush()
    await _announce_roles(session, user_id=user_id, now=now)


async def change_role(session: AsyncSession, *, workspace_id: str, user_id: str, role: Role, now: datetime) -> None:
    """Give a member another role; every gateway knows within two seconds.

    Raises:
        NotFound: no such member.
        FailedPrecondition: it would leave the workspace without an admin.
    """
    membership = await _locked(session, workspace_id=workspace_id, user_id=user_id)
    if role is not Role.ADMIN:
        await _check_admin_remains(session, membership)
    membership.role = role.label
    membership.row_version += 1
    await _announce_roles(session, user_id=user_id, now=now)


async def remove_member(session: AsyncSession, *, workspace_id: str, user_id: str, now: datetime) -> None:
    """End a membership, and with it the person's API keys in the workspace.

    Raises:
        NotFound: no such member.
        FailedPrecondition: it would leave the workspace without an admin.
    """
    membership = await _locked(session, workspace_id=workspace_id, user_id=user_id)
    await _check_admin_remains(session, membership)
    await session.delete(membership)
    await session.flush()
    # For good: a person who is invited again later makes new ones.
    await api_keys.revoke_all_of(session, workspace_id=workspace_id, user_id=user_id, now=now)
    await _announce_roles(session, user_id=user_id, now=now)


async def _locked(session: AsyncSession, *, workspace_id: str, user_id: str) -> Membership:
    # The workspace's row first: two admins who demote each other must not both see the other one.
    await session.execute(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update())
    membership = await session.scalar(
        select(Membership)
        .where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
        .with_for_update(),
    )
    if membership is None:
        raise NotFound("There is no such member in this workspace.")
    return membership


async def _check_admin_remains(session: AsyncSession, leaving: Membership) -> None:
    if leaving.role != Role.ADMIN.label:
        return
    others = await session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(
            Membership.workspace_id == leaving.workspace_id,
            Membership.user_id != leaving.user_id,
            Membership.role == Role.ADMIN.label,
        ),
    )
    if not others:
        raise FailedPrecondition("A workspace needs an admin; make somebody else one first.")


async def _announce_roles(session: AsyncSession, *, user_id: str, now: datetime) -> None:
    """Announce every session and key of a person: each one's live record names the role that has changed."""
    await users.bump_roles_version(session, user_id)
    session_ids = await families.announceable_ids(session, user_id=user_id, now=now)
    key_ids = await api_keys.announceable_ids(session, user_id=user_id)
    outbox.announce(session, [*session_ids, *key_ids], now=now)
