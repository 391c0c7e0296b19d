"""A workspace with a person's role in it as a message."""

from promptsphere.auth.v1 import accounts_pb2

from auth_service.memberships.rules import WorkspaceRole


def workspace_to_wire(workspace: WorkspaceRole) -> accounts_pb2.WorkspaceRole:
    """A workspace as one of its members sees it."""
    return accounts_pb2.WorkspaceRole(id=workspace.id, name=workspace.name, role=workspace.role.label)
