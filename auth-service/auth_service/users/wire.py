"""A person as a message."""

from promptsphere.auth.v1 import accounts_pb2
from servicekit.rpc import timestamps

from auth_service.users.models import User


def user_to_wire(user: User) -> accounts_pb2.User:
    """A person without what is secret."""
    return accounts_pb2.User(
        id=user.id,
        email=user.email,
        display_name=user.display_name,
        locale=user.locale,
        created_at=timestamps.to_wire(user.created_at),
        row_version=user.row_version,
    )
