"""The values that a version is made of."""

from dataclasses import dataclass
from enum import StrEnum

MAX_BODY_BYTES = 256 * 1024
"""Most bytes that content, or all messages together, may have in UTF-8."""
MAX_MESSAGES = 100
MAX_VARIABLES = 100
MAX_MODEL_SETTINGS_BYTES = 16 * 1024

ROLES = ("system", "user", "assistant")
VARIABLE_TYPES = ("string", "number", "boolean", "enum", "json")


class Origin(StrEnum):
    """Where a version comes from."""

    HUMAN = "human"
    GENERATE = "generate"
    REFINE = "refine"
    OPTIMIZE = "optimize"
    IMPORT = "import"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; `role` is one of `ROLES`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A placeholder, described. The `_json` are JSON texts, empty for none; `max_chars` 0 sets no limit."""

    name: str
    type: str = "string"
    required: bool = True
    default_json: str = ""
    title: str = ""
    description: str = ""
    max_chars: int = 0
    example_json: str = ""
    options: tuple[str, ...] = ()


Body = str | tuple[Message, ...]
"""What a version says: a text, or chat messages."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller wants stored, not yet checked."""

    body: Body | None
    variables: tuple[Variable, ...] = ()
    model_settings_json: str = ""
    commit_message: str = ""
    parent: int = 0
    origin: Origin = Origin.HUMAN
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft that keeps the rules, with what is computed from it once.

    Attributes:
        body: byte for byte as given.
        variables: found and declared ones, merged.
        model_settings_json: a JSON object as text, empty for none.
        commit_message: in NFC.
        parent: number of the version it was made from, 0 for the head; not yet known to exist.
        origin: where it comes from.
        run_id: the run whose result it is.
        content_sha256: of the content's bytes; of messages: of their canonical JSON.
        fingerprint: SHA-256 over all that makes two versions the same.
        stored_bytes: about how much the version takes in an answer.
    """

    body: Body
    variables: tuple[Variable, ...]
    model_settings_json: str
    commit_message: str
    parent: int
    origin: Origin
    run_id: str | None
    content_sha256: bytes
    fingerprint: bytes
    stored_bytes: int
