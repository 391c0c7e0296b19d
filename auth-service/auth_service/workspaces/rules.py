"""Workspaces and memberships: who may do what where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.auth.identity import Role
from servicekit.errors import FailedPrecondition, NotFound, PermissionDenied
from servicekit.ids import new_id
from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts.models import User
from auth_service.api_keys.models import ApiKey
from auth_service.sessions import outbox
from auth_service.workspaces.models import WORKSPACE_NAME_MAX_CHARS, Membership, Workspace

MAX_LISTED = 100
_PERSONAL_NAMES = {"zh": "{name}的工作区", "en": "{name}'s workspace"}


@dataclass(frozen=True, slots=True)
class WorkspaceRole:
    """A workspace as one of its members sees it."""

    id: str
    name: str
    role: Role


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


async def roles_of(session: AsyncSession, *, user_id: str) -> dict[str, Role]:
    """Workspace id to role, for all workspaces of a person."""
    memberships = (
        select(Membership.workspace_id, Membership.role)
        .where(Membership.user_id == user_id)
        .execution_options(all_workspaces="one person's memberships lie across workspaces")
    )
    return {row.workspace_id: Role.parse(row.role) for row in await session.execute(memberships)}


async def list_of(session: AsyncSession, *, user_id: str) -> Sequence[WorkspaceRole]:
    """The workspaces of a person, by name; at most 100."""
    mine = (
        select(Workspace.id, Workspace.name, Membership.role)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.user_id == user_id)
        .order_by(Workspace.name, Workspace.id)
        .limit(MAX_LISTED)
    )
    return [WorkspaceRole(row.id, row.name, Role.parse(row.role)) for row in await session.execute(mine)]


async def find(session: AsyncSession, *, workspace_id: str, user_id: str) -> WorkspaceRole | None:
    """One workspace of a person, None when it is not theirs."""
    mine = (
        select(Workspace.id, Workspace.name, Membership.role)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
    )
    row = (await session.execute(mine)).one_or_none()
    return None if row is None else WorkspaceRole(row.id, row.name, Role.parse(row.role))


async def get(session: AsyncSession, *, workspace_id: str, user_id: str) -> WorkspaceRole:
    """One workspace of a person.

    Raises:
        NotFound: there is none, or the person is no member.
    """
    found = await find(session, workspace_id=workspace_id, user_id=user_id)
    if found is None:
        raise NotFound("There is no such workspace among yours.")
    return found


async def check_member(session: AsyncSession, *, workspace_id: str, user_id: str) -> None:
    """Make sure that somebody still is a member, and stays one until this transaction ends.

    Raises:
        PermissionDenied: they are not; their token is older than the change.
    """
    locked = (
        select(Membership.role)
        .where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
        .with_for_update(read=True)
    )
    if await session.scalar(locked) is None:
        raise PermissionDenied("You are no member of this workspace any more.")


async def default_of(session: AsyncSession, *, user_id: str) -> WorkspaceRole:
    """The workspace for a sign-in that names none: the personal one, else the first by name.

    Raises:
        PermissionDenied: the person belongs to no workspace any more.
    """
    mine = (
        select(Workspace.id, Workspace.name, Membership.role)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.user_id == user_id)
        .order_by(case((Workspace.personal_of == user_id, 0), else_=1), Workspace.name, Workspace.id)
        .limit(1)
    )
    row = (await session.execute(mine)).one_or_none()
    if row is None:
        raise PermissionDenied("You belong to no workspace any more; ask an admin to invite you.")
    return WorkspaceRole(row.id, row.name, Role.parse(row.role))


async def add_member(session: AsyncSession, *, workspace_id: str, user_id: str, role: Role, now: datetime) -> None:
    """Make a person a member.

    Raises:
        IntegrityError: the person is one already.
    """
    session.add(
        Membership(workspace_id=workspace_id, user_id=user_id, role=role.label, created_at=now, row_version=1),
    )
    await session.flush()
    await _roles_changed(session, user_id=user_id, now=now)


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
    await _roles_changed(session, user_id=user_id, now=now)


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
    await _revoke_keys(session, workspace_id=workspace_id, user_id=user_id, now=now)
    await _roles_changed(session, user_id=user_id, now=now)


async def _revoke_keys(session: AsyncSession, *, workspace_id: str, user_id: str, now: datetime) -> None:
    # For good: a person who is invited again later makes new ones.
    living = (
        select(ApiKey)
        .where(ApiKey.workspace_id == workspace_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id)
        .with_for_update()
    )
    keys = list(await session.scalars(living))
    for key in keys:
        key.revoked_at = now
        key.version += 1
        key.row_version += 1
    outbox.announce(session, [key.id for key in keys], now=now)


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


async def _roles_changed(session: AsyncSession, *, user_id: str, now: datetime) -> None:
    await session.execute(
        update(User).where(User.id == user_id).values(roles_version=User.roles_version + 1),
    )
    await outbox.announce_person(session, user_id=user_id, now=now)
