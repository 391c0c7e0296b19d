from collections.abc import Awaitable, Callable

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from prompt_service_testing import PromptService, refusal
from promptsphere.prompt.v1 import delivery_pb2, labels_pb2, prompts_pb2, versions_pb2
from servicekit.rpc import metadata
from servicekit.testing.rpc import Pairs

Attempt = Callable[[PromptService, str, Pairs], Awaitable[object]]

DRAFT = versions_pb2.VersionDraft(content="stolen")
ATTEMPTS: dict[str, Attempt] = {
    "GetPrompt": lambda s, i, w: s.prompts.GetPrompt(prompts_pb2.GetPromptRequest(id=i), metadata=w),
    "UpdatePrompt": lambda s, i, w: s.prompts.UpdatePrompt(
        prompts_pb2.UpdatePromptRequest(
            prompt=prompts_pb2.Prompt(id=i, title="x"), update_mask=FieldMask(paths=["title"])
        ),
        metadata=(*w, (metadata.IF_MATCH, "2")),
    ),
    "DeletePrompt": lambda s, i, w: s.prompts.DeletePrompt(prompts_pb2.DeletePromptRequest(id=i), metadata=w),
    "RestorePrompt": lambda s, i, w: s.prompts.RestorePrompt(prompts_pb2.RestorePromptRequest(id=i), metadata=w),
    "CreateVersion": lambda s, i, w: s.versions.CreateVersion(
        versions_pb2.CreateVersionRequest(prompt_id=i, version=DRAFT), metadata=w
    ),
    "GetVersion": lambda s, i, w: s.versions.GetVersion(
        versions_pb2.GetVersionRequest(prompt_id=i, number=1), metadata=w
    ),
    "ListVersions": lambda s, i, w: s.versions.ListVersions(versions_pb2.ListVersionsRequest(prompt_id=i), metadata=w),
    "RollbackPrompt": lambda s, i, w: s.versions.RollbackPrompt(
        versions_pb2.RollbackPromptRequest(prompt_id=i, version=1), metadata=w
    ),
    "RenderPrompt": lambda s, i, w: s.versions.RenderPrompt(versions_pb2.RenderPromptRequest(prompt_id=i), metadata=w),
    "ListLabels": lambda s, i, w: s.labels.ListLabels(labels_pb2.ListLabelsRequest(prompt_id=i), metadata=w),
    "SetLabel": lambda s, i, w: s.labels.SetLabel(
        labels_pb2.SetLabelRequest(prompt_id=i, label="staging", version=1), metadata=w
    ),
    "DeleteLabel": lambda s, i, w: s.labels.DeleteLabel(
        labels_pb2.DeleteLabelRequest(prompt_id=i, label="production"), metadata=w
    ),
    "ListLabelEvents": lambda s, i, w: s.labels.ListLabelEvents(
        labels_pb2.ListLabelEventsRequest(prompt_id=i, label="production"), metadata=w
    ),
    "GetDelivery": lambda s, _, w: s.delivery.GetDelivery(delivery_pb2.GetDeliveryRequest(name="private"), metadata=w),
}


async def test_another_workspace_finds_nothing_by_any_call(service: PromptService) -> None:
    made = await service.create("private", "secret")
    await service.label(made.id, "production", 1)
    before = await service.get(made.id)
    stranger = service.testbed.as_user(role="admin")

    errors = {name: await refusal(attempt(service, made.id, stranger)) for name, attempt in ATTEMPTS.items()}

    assert {name: error.reason for name, error in errors.items()} == dict.fromkeys(ATTEMPTS, "not_found")
    assert await service.get(made.id) == before


@pytest.mark.parametrize("prompt_id", ["", "x", "客服", "' OR 1=1 --", "0" * 36, "\n", "x" * 10_000])
async def test_an_id_that_cannot_be_is_found_by_no_call(service: PromptService, prompt_id: str) -> None:
    errors = {name: await refusal(attempt(service, prompt_id, service.editor)) for name, attempt in ATTEMPTS.items()}

    assert {error.code for error in errors.values()} == {"NOT_FOUND"}
