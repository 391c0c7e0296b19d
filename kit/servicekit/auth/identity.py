"""Who acts: derived from a verified token, never from a request field."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Role(IntEnum):
    """What a member may do in a workspace; each level includes those below it."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """The name on the wire: `viewer`, `editor` or `admin`."""
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> "Role":
        """The role of that wire name.

        Raises:
            ValueError: there is no such role.
        """
        for role in cls:
            if role.label == label:  # exactly: `upper()` would let "admın" pass for "admin"
                return role
        raise ValueError(f"no role is called {label!r}")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or an API key that acts for one, in one workspace.

    Attributes:
        kind: `user` or `api_key`.
        id: the user's id, or the key's.
        user_id: the person behind it: for a key, its creator.
        name: what to show: a display name, or the key's name.
        workspace_id: the one workspace this token is for.
        role: the role there.
        session_id: the session family, or the key's id.
        scopes: what a key is limited to; None for a person, who is not.
    """

    kind: Literal["user", "api_key"]
    id: str
    user_id: str
    name: str
    workspace_id: str
    role: Role
    session_id: str
    scopes: frozenset[str] | None = None
