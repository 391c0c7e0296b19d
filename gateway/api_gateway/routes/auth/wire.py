"""People and workspaces from messages to JSON."""

from typing import Any

from promptsphere.auth.v1 import accounts_pb2


def user_json(user: accounts_pb2.User) -> dict[str, Any]:
    """A person."""
    return {"id": user.id, "email": user.email, "display_name": user.display_name, "locale": user.locale}


def workspace_json(workspace: accounts_pb2.WorkspaceRole) -> dict[str, Any]:
    """A workspace as one of its members sees it."""
    return {"id": workspace.id, "name": workspace.name, "role": workspace.role}
