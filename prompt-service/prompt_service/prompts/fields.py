"""What a caller says of a prompt: its name, title and tags, and the rules that they keep."""

from collections.abc import Sequence
from dataclasses import dataclass

from servicekit.errors import Violation

from prompt_service.prompt_row.models import Prompt
from prompt_service.prompt_row.names import problem_of_name
from prompt_service.validation import MAX_TITLE_CHARS, check_text, raise_for_violations

MAX_TAGS = 32
MAX_GIVEN_TAGS = 100
"""Some may be given twice."""
MAX_TAG_CHARS = 64


@dataclass(frozen=True, slots=True)
class PromptFields:
    """Name, title and tags that keep the rules; None where nothing was given."""

    name: str | None = None
    title: str | None = None
    tags: tuple[str, ...] | None = None


def check_fields(
    *, name: str | None = None, title: str | None = None, tags: Sequence[str] | None = None
) -> PromptFields:
    """Check what is given; tags are trimmed and count once, in order.

    Raises:
        InvalidArgument: with a violation for each field that breaks a rule.
    """
    violations: list[Violation] = []
    if name is not None:
        problem = problem_of_name(name)
        if problem:
            violations.append(Violation("/name", problem))
    if title is not None:
        title = check_text(title, "/title", violations, max_chars=MAX_TITLE_CHARS)
    kept = None if tags is None else _checked_tags(tags, violations)
    raise_for_violations(violations)
    return PromptFields(name, title, kept)


def apply_fields(prompt: Prompt, fields: PromptFields) -> list[str]:
    """Write into the prompt what differs; gives the names of the fields that do."""
    changed = []
    if fields.name is not None and fields.name != prompt.name:
        prompt.name = prompt.live_name = fields.name
        changed.append("name")
    if fields.title is not None and fields.title != prompt.title:
        prompt.title = fields.title
        changed.append("title")
    if fields.tags is not None and list(fields.tags) != prompt.tag_list:
        prompt.tags = list(fields.tags)
        changed.append("tags")
    return changed


def _checked_tags(tags: Sequence[str], violations: list[Violation]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    if len(tags) > MAX_GIVEN_TAGS:  # before each of them is looked at
        violations.append(Violation("/tags", f"Use at most {MAX_TAGS} tags; these are {len(tags)}."))
        return ()
    for index, tag in enumerate(tags):
        checked = check_text(tag.strip(), f"/tags/{index}", violations, max_chars=MAX_TAG_CHARS)
        if not checked:
            violations.append(Violation(f"/tags/{index}", "Give the tag a name, or leave it out."))
        kept[checked] = None
    if len(kept) > MAX_TAGS:
        violations.append(Violation("/tags", f"Use at most {MAX_TAGS} tags; these are {len(kept)}."))
    return tuple(kept)
