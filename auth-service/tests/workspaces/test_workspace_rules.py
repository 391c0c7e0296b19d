from collections.abc import AsyncIterator
from functools import partial

import pytest
from auth_service.memberships import rules as memberships
from auth_service.memberships.rules import WorkspaceRole
from auth_service.users import rules as users
from auth_service.users.models import User
from auth_service.users.rules import NewUser
from auth_service.workspaces import rules
from servicekit.auth.identity import Role
from servicekit.db import Database
from servicekit.db.schema import now
from servicekit.errors import FailedPrecondition, NotFound, PermissionDenied
from servicekit.ids import new_id
from servicekit.migrations import revisions, runner


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    runner.migrate(database_url, revisions.script_location("auth_service"))
    database = Database(database_url)
    yield database
    await database.close()


async def person(database: Database, name: str) -> tuple[User, WorkspaceRole]:
    new = NewUser(email=f"{new_id()}@example.com", display_name=name, locale="en")
    user = await database.write(partial(users.create, new=new, password_hash="-", now=now()))
    workspace = await database.write(partial(rules.create_personal, user=user, now=now()))
    return user, workspace


async def test_the_last_admin_can_neither_be_lowered_nor_removed(database: Database) -> None:
    user, workspace = await person(database, "Ada")
    lower = partial(rules.change_role, workspace_id=workspace.id, user_id=user.id, now=now())
    remove = partial(rules.remove_member, workspace_id=workspace.id, user_id=user.id, now=now())

    with pytest.raises(FailedPrecondition):
        await database.write(partial(lower, role=Role.EDITOR))
    with pytest.raises(FailedPrecondition):
        await database.write(remove)

    assert await database.read(partial(memberships.roles_of, user_id=user.id)) == {workspace.id: Role.ADMIN}


async def test_someone_without_a_workspace_cannot_sign_in_to_one(database: Database) -> None:
    ada, workspace = await person(database, "Ada")
    bob, _ = await person(database, "Bob")
    await database.write(
        partial(rules.add_member, workspace_id=workspace.id, user_id=bob.id, role=Role.ADMIN, now=now())
    )
    await database.write(partial(rules.remove_member, workspace_id=workspace.id, user_id=ada.id, now=now()))

    with pytest.raises(PermissionDenied):
        await database.read(partial(memberships.default_of, user_id=ada.id))


async def test_the_personal_workspace_comes_first_the_list_is_by_name(database: Database) -> None:
    ada, other = await person(database, "Ada")
    zoe, own = await person(database, "Zoe")
    await database.write(partial(rules.add_member, workspace_id=other.id, user_id=zoe.id, role=Role.VIEWER, now=now()))

    assert (await database.read(partial(memberships.default_of, user_id=zoe.id))).id == own.id
    assert [one.name for one in await database.read(partial(memberships.list_of, user_id=zoe.id))] == [
        "Ada's workspace",
        "Zoe's workspace",
    ]
    assert ada.display_name == "Ada"


async def test_a_stranger_is_no_member(database: Database) -> None:
    _, workspace = await person(database, "Ada")

    with pytest.raises(NotFound):
        await database.read(partial(memberships.get, workspace_id=workspace.id, user_id=new_id()))
    with pytest.raises(NotFound):
        await database.write(partial(rules.remove_member, workspace_id=workspace.id, user_id=new_id(), now=now()))
