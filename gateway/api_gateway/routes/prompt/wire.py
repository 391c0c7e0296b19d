"""Versions between messages and JSON."""

from typing import Any

import orjson
from promptsphere.generation.v1 import runs_pb2
from promptsphere.prompt.v1 import versions_pb2
from pydantic import JsonValue
from servicekit.errors import FailedPrecondition, InvalidArgument, Violation

from api_gateway.backends import Backends
from api_gateway.routes.prompt.shapes import Draft, Variable
from api_gateway.routes.wire import author_json, embedded, time_text

RUN_ORIGINS = {
    runs_pb2.RUN_KIND_GENERATE: versions_pb2.ORIGIN_GENERATE,
    runs_pb2.RUN_KIND_REFINE: versions_pb2.ORIGIN_REFINE,
}


async def draft_message(draft: Draft, backends: Backends, *, parent: int = 0) -> versions_pb2.VersionDraft | None:
    """The draft for prompt-service; a run's result is read and put in. None when there is no content at all.

    Raises:
        InvalidArgument: more than one kind of content, or none for the settings that came.
        NotFound: the run is not there or not the caller's.
        FailedPrecondition: the run has no result to store.
    """
    given = [name for name in ("content", "messages", "from_run") if getattr(draft, name) is not None]
    if len(given) > 1:
        raise InvalidArgument(
            f"Give one of {' and '.join(given)}, not both.",
            violations=[Violation(f"/{name}", "only one kind of content at a time") for name in given],
        )
    if not given:
        _check_nothing_is_lost(draft)
        return None
    message = versions_pb2.VersionDraft(commit_message=draft.commit_message, parent=parent)
    if draft.model_settings is not None:
        message.model_settings_json = orjson.dumps(draft.model_settings).decode()
    variables = [_variable_message(one) for one in draft.variables or ()]
    if draft.from_run is not None:
        await _take_result(message, draft.from_run, variables, backends)
    elif draft.content is not None:
        message.content = draft.content
    else:
        message.messages.items.extend(
            versions_pb2.Message(role=one.role, content=one.content) for one in draft.messages or ()
        )
        message.messages.SetInParent()
    message.variables.extend(variables)
    return message


def _check_nothing_is_lost(draft: Draft) -> None:
    lost = [name for name in ("variables", "model_settings", "commit_message") if getattr(draft, name)]
    if lost:
        raise InvalidArgument(
            f"{', '.join(lost)} belong to a version: send content, messages or from_run with them.",
            violations=[Violation("/content", "is required")],
        )


async def _take_result(
    message: versions_pb2.VersionDraft,
    run_id: str,
    variables: list[versions_pb2.Variable],
    backends: Backends,
) -> None:
    run = (await backends.runs.GetRun(runs_pb2.GetRunRequest(id=run_id))).run
    if run.state != runs_pb2.RUN_STATE_SUCCEEDED or run.kind not in RUN_ORIGINS:
        raise FailedPrecondition(
            "Only a succeeded generate or refine run can become a version; wait for its end event.",
            reason="run_not_finished",
        )
    result = orjson.loads(run.result_json)
    message.content = result["content"]
    message.run_id = run.id
    message.origin = RUN_ORIGINS[run.kind]
    declared = {one.name for one in variables}
    found = (Variable.model_validate(one) for one in result.get("variables", ()))
    variables.extend(_variable_message(one) for one in found if one.name not in declared)


def _variable_message(variable: Variable) -> versions_pb2.Variable:
    return versions_pb2.Variable(
        name=variable.name,
        type=variable.type,
        required=variable.required,
        default_json=_json_text(variable.default),
        title=variable.title,
        description=variable.description,
        max_chars=_int32(variable.max_chars or 0, "/variables"),
        example_json=_json_text(variable.example),
        options=variable.options,
    )


def _int32(number: int, pointer: str) -> int:
    if not -(2**31) <= number < 2**31:
        raise InvalidArgument("A number is too large.", violations=[Violation(pointer, "must fit 32 bits")])
    return number


def _json_text(value: JsonValue) -> str:
    return "" if value is None else orjson.dumps(value).decode()


def version_json(version: versions_pb2.Version) -> dict[str, Any]:
    """A version for an answer."""
    return body_json(version) | {
        "number": version.number,
        "variables": [variable_json(one) for one in version.variables],
        "model_settings": embedded(version.model_settings_json),
        "author": author_json(version.author),
        "origin": versions_pb2.Origin.Name(version.origin).removeprefix("ORIGIN_").lower(),
        "parent": version.parent or None,
        "run_id": version.run_id or None,
        "commit_message": version.commit_message,
        "created_at": time_text(version.created_at),
        "content_sha256": version.content_sha256,
    }


def body_json(holder: versions_pb2.Version | versions_pb2.RenderPromptResponse) -> dict[str, Any]:
    """`content` or `messages`, whichever there is."""
    if holder.WhichOneof("body") == "messages":
        return {"messages": [{"role": one.role, "content": one.content} for one in holder.messages.items]}
    return {"content": holder.content}


def variable_json(variable: versions_pb2.Variable) -> dict[str, Any]:
    """A placeholder for an answer."""
    return {
        "name": variable.name,
        "type": variable.type,
        "required": variable.required,
        "default": embedded(variable.default_json),
        "title": variable.title,
        "description": variable.description,
        "max_chars": variable.max_chars or None,
        "example": embedded(variable.example_json),
        "options": list(variable.options),
    }
