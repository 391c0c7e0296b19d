"""Who did something, as it is kept with what they did: the name stays what it was at that time."""

from dataclasses import dataclass

from servicekit.auth.identity import Actor

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
