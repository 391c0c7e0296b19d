"""From what a caller wants stored to what can be: every rule that needs no database."""

import hashlib
from dataclasses import asdict, dataclass
from enum import StrEnum

import orjson
from servicekit.errors import Violation
from servicekit.ids import is_id

from prompt_service import strict_json
from prompt_service.rendering import declarations
from prompt_service.rendering.bodies import MAX_BODY_BYTES, MAX_MESSAGES, ROLES, Body, Message
from prompt_service.rendering.placeholders import names_in_body
from prompt_service.rendering.variables import Variable
from prompt_service.validation import MAX_COMMENT_CHARS, check_text, problem_of_text, raise_for_violations

MAX_VARIABLES_BYTES = 256 * 1024
MAX_MODEL_SETTINGS_BYTES = 16 * 1024


class Origin(StrEnum):
    """Where a version comes from."""

    HUMAN = "human"
    GENERATE = "generate"
    REFINE = "refine"
    OPTIMIZE = "optimize"
    IMPORT = "import"
    ROLLBACK = "rollback"


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
class NewVersion:
    """A draft that was checked and keeps the rules, with what is computed from it once.

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


def check_draft(draft: Draft) -> NewVersion:
    """Check a draft, find its variables and compute its digests. CPU only, up to some milliseconds.

    Raises:
        InvalidArgument: with a violation for each field that breaks a rule.
    """
    violations: list[Violation] = []
    body = _checked_body(draft.body, violations)
    merged = declarations.merge(names_in_body(body), draft.variables, violations)
    settings = _canonical_settings(draft.model_settings_json, violations)
    commit_message = check_text(draft.commit_message, "/commit_message", violations, max_chars=MAX_COMMENT_CHARS)
    if draft.parent < 0:
        violations.append(Violation("/parent", "Give the number of an earlier version, or none."))
    if draft.run_id is not None and not is_id(draft.run_id):
        violations.append(Violation("/from_run", "Give the id of a run."))
    raise_for_violations(violations)
    declared = orjson.dumps([asdict(variable) for variable in merged])
    if len(declared) > MAX_VARIABLES_BYTES:
        problem = f"The variables together take more than {MAX_VARIABLES_BYTES} bytes; shorten them."
        violations.append(Violation("/variables", problem))
    raise_for_violations(violations)
    raw = _bytes_of(body)
    return NewVersion(
        body=body,
        variables=merged,
        model_settings_json=draft.model_settings_json,
        commit_message=commit_message,
        parent=draft.parent,
        origin=draft.origin,
        run_id=draft.run_id,
        content_sha256=hashlib.sha256(raw).digest(),
        fingerprint=_fingerprint(body, raw, declared, settings),
        stored_bytes=len(raw) + len(declared) + len(draft.model_settings_json.encode()) + len(commit_message.encode()),
    )


def _checked_body(body: Body | None, violations: list[Violation]) -> Body:
    if body is None:
        violations.append(Violation("/content", "Give content or messages."))
        return ""
    if isinstance(body, str):
        problem = problem_of_text(body) or _size_problem(body)
        if problem:
            violations.append(Violation("/content", problem))
            return ""
        return body
    return _checked_messages(body, violations)


def _checked_messages(messages: tuple[Message, ...], violations: list[Violation]) -> tuple[Message, ...]:
    if not 1 <= len(messages) <= MAX_MESSAGES:
        problem = f"Give 1 to {MAX_MESSAGES} messages; these are {len(messages)}."
        violations.append(Violation("/messages", problem))
        return ()
    unfit = False
    for index, message in enumerate(messages):
        if message.role not in ROLES:
            violations.append(Violation(f"/messages/{index}/role", f"Use one of: {', '.join(ROLES)}."))
        problem = problem_of_text(message.content)
        if problem:
            unfit = True
            violations.append(Violation(f"/messages/{index}/content", problem))
    if unfit:
        return ()
    problem = _size_problem("".join(message.content for message in messages))
    if problem:
        violations.append(Violation("/messages", problem))
        return ()
    return messages


def _size_problem(text: str) -> str:
    if not text:
        return "Give some text."
    size = len(text.encode())
    if size > MAX_BODY_BYTES:
        return f"Use at most {MAX_BODY_BYTES} bytes in UTF-8 (256 KiB); this has {size}."
    return ""


def _canonical_settings(text: str, violations: list[Violation]) -> str:
    """The settings as compact JSON with sorted keys, by which two are compared; empty for none."""
    if not text:
        return ""
    problem = "Give a JSON object."
    if len(text.encode()) > MAX_MODEL_SETTINGS_BYTES:
        problem = f"Use at most {MAX_MODEL_SETTINGS_BYTES} bytes of JSON (16 KiB)."
    else:
        try:
            value = strict_json.loads(text)
            if isinstance(value, dict):
                canonical = strict_json.dumps(value, sort_keys=True)
                canonical.encode()
                return canonical
        except ValueError as error:  # UnicodeEncodeError, of an escaped lone surrogate, is one
            problem = f"This is not valid JSON: {error}."
    violations.append(Violation("/model_settings", problem))
    return ""


def _bytes_of(body: Body) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return orjson.dumps([asdict(message) for message in body], option=orjson.OPT_SORT_KEYS)


def _fingerprint(body: Body, raw: bytes, declared: bytes, settings: str) -> bytes:
    kind = b"content" if isinstance(body, str) else b"messages"
    digest = hashlib.sha256(kind)
    for part in (raw, declared, settings.encode()):
        # Each with its length before it, so that no two lists of parts run together to the same bytes.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
