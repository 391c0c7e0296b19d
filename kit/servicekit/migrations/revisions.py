"""Which revision a schema is at and which one this code expects, found without Alembic: who serves never loads it.

The files of a service's `migrations/versions` are named `<revision>_<slug>.py`, a revision `<date>_<number>`; the
highest is the newest. `migrations.migrate` holds Alembic's own idea of their order to that.
"""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from servicekit.db.database import Database

_FILE = re.compile(r"(?P<revision>[0-9]{8}_[0-9]{2})_\w{1,200}\.py")


class WrongRevisionError(RuntimeError):
    """The schema is not the one that this code expects.

    Attributes:
        found: revision of the schema, None when it is empty.
        expected: revision that this code expects.
        is_ahead: the schema is newer than this code.
    """

    def __init__(self, found: str | None, expected: str | None, *, is_ahead: bool) -> None:
        advice = (
            "it was migrated by a newer version: start that version"
            if is_ahead
            else "run the service's `migrate` command first"
        )
        super().__init__(f"The database is at revision {found or 'none'}, this version expects {expected}; {advice}.")
        self.found = found
        self.expected = expected
        self.is_ahead = is_ahead


def script_location(package: str) -> Path:
    """The migrations of a service's package, installed as a wheel or editable.

    Raises:
        FileNotFoundError: there are none.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {package} is not installed")
    folder = Path(spec.origin).parent
    for candidate in (folder / "migrations", folder.parent / "migrations"):
        if (candidate / "versions").is_dir():
            return candidate
    raise FileNotFoundError(f"{package} has no migrations, neither in {folder} nor beside it")


def revisions_in(location: Path) -> Sequence[str]:
    """The revisions of a service, oldest first; at least one.

    Raises:
        FileNotFoundError: there is none.
    """
    named = (_FILE.fullmatch(file.name) for file in (location / "versions").iterdir())
    revisions = sorted(match["revision"] for match in named if match)
    if not revisions:
        raise FileNotFoundError(f"{location} has no revisions")
    return revisions


async def check_revision(database: Database, location: Path) -> None:
    """Make sure that the schema is exactly at the revision of this code.

    Raises:
        WrongRevisionError: it is behind or ahead.
        sqlalchemy.exc.DBAPIError: the database does not answer.
    """
    async with database.engine.connect() as connection:
        found = await connection.run_sync(current)
    known = revisions_in(location)
    if found != known[-1]:
        raise WrongRevisionError(found, known[-1], is_ahead=found is not None and found not in known)


def current(connection: Connection) -> str | None:
    """The revision of the schema, where Alembic keeps it; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)
