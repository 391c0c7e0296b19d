import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from servicekit.auth.identity import Actor, Role
from servicekit.rpc.call import Call, enter_call, leave_call

FIRST = """
import sqlalchemy as sa
from servicekit.migrations import steps
from servicekit.db.schema import Digest, FixedPoint, Id, Json, LongBytes, LongText, Name, UtcDateTime

revision = "20261123_01"
down_revision = None


def upgrade() -> None:
    steps.create_table(
        "notes",
        sa.Column("workspace_id", Id, nullable=False),
        sa.Column("id", Id, primary_key=True),
        sa.Column("title", Name(200), nullable=False),
        sa.Column("body", LongText, nullable=False),
        sa.Column("data", Json),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("digest", Digest),
        sa.Column("raw", LongBytes),
        sa.Column("cost", FixedPoint(6)),
        sa.Column("is_done", sa.Boolean, nullable=False),
        sa.UniqueConstraint("workspace_id", "title"),
        sa.Index(None, "workspace_id", "at", "id"),
    )
"""

SECOND = """
import os
import pathlib
import signal

import sqlalchemy as sa
from servicekit.migrations import steps
from servicekit.db.schema import Name

revision = "20261124_01"
down_revision = "20261123_01"


def upgrade() -> None:
    steps.add_column("notes", sa.Column("tag", Name(50)))
    trap = pathlib.Path(__file__).with_name("trap")
    if trap.exists():
        trap.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    steps.create_index("notes", "workspace_id", "tag")
"""


@pytest.fixture
def actor() -> Actor:
    return Actor(
        kind="user",
        id="01890000-0000-7000-8000-000000000001",
        user_id="01890000-0000-7000-8000-000000000001",
        name="张三",
        workspace_id="01890000-0000-7000-8000-0000000000aa",
        role=Role.EDITOR,
        session_id="01890000-0000-7000-8000-0000000000ff",
    )


@pytest.fixture
def call(actor: Actor) -> Iterator[Call]:
    """The current RPC of this test, from `actor`."""
    entered = Call(method="/test.v1.Things/CreateThing", request_id="request-1", identity=actor)
    token = enter_call(entered)
    yield entered
    leave_call(token)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def migrations_folder(tmp_path: Path) -> Path:
    """Two revisions; with a file `trap` beside it, the second kills its process in the middle, once."""
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "20261123_01_create_notes.py").write_text(FIRST)
    (versions / "20261124_01_tag_notes.py").write_text(SECOND)
    return tmp_path / "migrations"
