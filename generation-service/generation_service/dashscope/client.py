"""The door as one run sees it: its rows, its place in the queue, its models, its deadline."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from servicekit.errors import Unavailable
from servicekit.json_types import JsonObject

from generation_service.dashscope.calls import Completion, ModelCall, ModelEvent
from generation_service.dashscope.door import Caller, DashScopeDoor
from generation_service.dashscope.wire.structured import (
    check_answer,
    repair_messages,
    response_format,
    with_schema_shown,
)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model does which work; ids of the policy."""

    parse: str = "qwen-flash"
    write: str = "qwen-plus"
    judge: str = "qwen3-max"


@dataclass(frozen=True, slots=True)
class ModelClient:
    """What pipelines call. Cheap: make one for each run."""

    door: DashScopeDoor
    caller: Caller
    models: ModelChoice

    def stream(self, call: ModelCall) -> AsyncGenerator[ModelEvent, None]:
        """Stream an answer; see `DashScopeDoor.stream`."""
        return self.door.stream(call, self.caller)

    async def complete(self, call: ModelCall) -> Completion:
        """Ask for a whole answer as text; see `DashScopeDoor.complete`."""
        return await self.door.complete(call, self.caller)

    async def complete_json(self, call: ModelCall, schema: JsonObject) -> JsonObject:
        """Ask for a JSON object under a schema, with one repair, in `structured_timeout_seconds` in all.

        Args:
            call: its `purpose` names the schema; the repair's rows bear `<purpose>_repair`.
            schema: JSON Schema 2020-12 of an object; the answer is always validated against it here.

        Raises:
            SphereError: as `stream`; or Unavailable (`model_output_invalid`) when the repair failed too.
        """
        caller = self.door.bounded(self.caller, self.door.limits.structured_timeout_seconds)
        policy = self.door.policy.model(call.model)
        form = response_format(policy, schema, name=call.purpose)
        asked = replace(call, messages=with_schema_shown(call, policy, schema))
        for purpose in (call.purpose, f"{call.purpose}_repair"):
            answer = await self.door.complete(replace(asked, purpose=purpose), caller, response_format=form)
            value, problems = check_answer(answer.text, schema, is_cut=answer.finish_reason == "length")
            if not problems:
                return value
            asked = replace(asked, messages=repair_messages(asked.messages, answer.text, problems))
        raise Unavailable(
            "The model's answer did not have the agreed form, even when asked again; try again.",
            reason="model_output_invalid",
            metadata={"model": call.model},
        )
