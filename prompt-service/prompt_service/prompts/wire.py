"""Prompts as they travel."""

from promptsphere.prompt.v1 import prompts_pb2
from servicekit.errors import InvalidArgument, Violation
from servicekit.rpc import timestamps

from prompt_service.prompt_row.models import Prompt
from prompt_service.prompts.fields import PromptFields, check_fields
from prompt_service.versions.models import PromptVersion
from prompt_service.versions.wire import author_to_wire, version_to_wire

CHANGEABLE = ("name", "title", "tags")


def prompt_to_wire(prompt: Prompt, head: PromptVersion | None) -> prompts_pb2.Prompt:
    """A prompt as it travels, with its head when that is given."""
    return prompts_pb2.Prompt(
        id=prompt.id,
        name=prompt.name,
        title=prompt.title,
        tags=prompt.tag_list,
        head_version=prompt.head_version,
        labels=prompt.label_map,
        created_by=author_to_wire(prompt.created_by),
        created_at=timestamps.to_wire(prompt.created_at),
        updated_at=timestamps.to_wire(prompt.updated_at),
        deleted_at=None if prompt.deleted_at is None else timestamps.to_wire(prompt.deleted_at),
        row_version=prompt.row_version,
        version=None if head is None else version_to_wire(head),
    )


def fields_from_wire(request: prompts_pb2.UpdatePromptRequest) -> PromptFields:
    """What the mask names of the prompt, checked.

    Raises:
        InvalidArgument: the mask names what cannot be changed, or a field breaks a rule.
    """
    wanted = set(request.update_mask.paths)
    unknown = sorted(wanted.difference(CHANGEABLE))
    if unknown:
        problem = f"Only {', '.join(CHANGEABLE)} can be changed."
        raise InvalidArgument(problem, violations=[Violation(f"/{path}", problem) for path in unknown])
    prompt = request.prompt
    return check_fields(
        name=prompt.name if "name" in wanted else None,
        title=prompt.title if "title" in wanted else None,
        tags=prompt.tags if "tags" in wanted else None,
    )
