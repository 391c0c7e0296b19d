"""Who did something, as it is kept with what they did: the name stays what it was at that time."""

from dataclasses import dataclass

from servicekit.auth.identity import Actor
from servicekit.db.schema import Id, Name
from sqlalchemy import String
from sqlalchemy.orm import Composite, composite, mapped_column

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Author:
    """A person or an API key; `kind` is `user` or `api_key`, `id` that of the user or key."""

    kind: str
    id: str
    name: str


def author_of(actor: Actor) -> Author:
    """The author that this actor is."""
    return Author(kind=actor.kind, id=actor.id, name=actor.name[:MAX_NAME_CHARS])


def author_columns(prefix: str) -> Composite[Author]:
    """An author as three columns of a table: `<prefix>_kind`, `<prefix>_id` and `<prefix>_name`."""
    return composite(
        Author,
        mapped_column(f"{prefix}_kind", Name(16)),
        mapped_column(f"{prefix}_id", Id),
        mapped_column(f"{prefix}_name", String(MAX_NAME_CHARS)),
    )
