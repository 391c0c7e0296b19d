"""Who belongs to which workspace, and as what; changing it is for `workspaces.rules`."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.auth.identity import Role
from servicekit.errors import NotFound, PermissionDenied
from sqlalchemy import Row, Select, case, select
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.memberships.models import Membership, Workspace

MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class WorkspaceRole:
    """A workspace as one of its members sees it."""

    id: str
    name: str
    role: Role


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
    mine = _workspaces_of(user_id).order_by(Workspace.name, Workspace.id).limit(MAX_LISTED)
    return [_workspace_role(row) for row in await session.execute(mine)]


async def find(session: AsyncSession, *, workspace_id: str, user_id: str) -> WorkspaceRole | None:
    """One workspace of a person, None when it is not theirs."""
    mine = _workspaces_of(user_id).where(Membership.workspace_id == workspace_id)
    row = (await session.execute(mine)).one_or_none()
    return None if row is None else _workspace_role(row)


async def get(session: AsyncSession, *, workspace_id: str, user_id: str) -> WorkspaceRole:
    """One workspace of a person.

    Raises:
        NotFound: there is none, or the person is no member.
    """
    found = await find(session, workspace_id=workspace_id, user_id=user_id)
    if found is None:
        raise NotFound("There is no such workspace among yours.")
    return found


async def default_of(session: AsyncSession, *, user_id: str) -> WorkspaceRole:
    """The workspace for a sign-in that names none: the personal one, else the first by name.

    Raises:
        PermissionDenied: the person belongs to no workspace any more.
    """
    personal_first = case((Workspace.personal_of == user_id, 0), else_=1)
    mine = _workspaces_of(user_id).order_by(personal_first, Workspace.name, Workspace.id).limit(1)
    row = (await session.execute(mine)).one_or_none()
    if row is None:
        raise PermissionDenied("You belong to no workspace any more; ask an admin to invite you.")
    return _workspace_role(row)


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


def _workspaces_of(user_id: str) -> Select[str, str, str]:
    return (
        select(Workspace.id, Workspace.name, Membership.role)
        .join(Membership, Membership.workspace_id == Workspace.id)
        .where(Membership.user_id == user_id)
    )


def _workspace_role(row: Row[str, str, str]) -> WorkspaceRole:
    return WorkspaceRole(row.id, row.name, Role.parse(row.role))
