"""JSON shapes of people and workspaces."""

from typing import Literal

from pydantic import Field

from api_gateway.routes.shapes import UUID_EXAMPLE, Answer


class WorkspaceRole(Answer):
    """A workspace and one's role in it."""

    id: str = Field(examples=[UUID_EXAMPLE])
    name: str = Field(examples=["王小明的工作区"])
    role: Literal["viewer", "editor", "admin"]


class User(Answer):
    """A person."""

    id: str = Field(examples=[UUID_EXAMPLE])
    email: str = Field(examples=["xiaoming@example.com"])
    display_name: str = Field(examples=["王小明"])
    locale: Literal["zh", "en"]
