"""What the tests of prompt-service share: callers of the served service. Not part of the wheel."""

from collections.abc import Awaitable
from dataclasses import dataclass, field

import grpc
import pytest
from promptsphere.prompt.v1 import (
    delivery_pb2_grpc,
    labels_pb2,
    labels_pb2_grpc,
    prompts_pb2,
    prompts_pb2_grpc,
    versions_pb2,
    versions_pb2_grpc,
)
from servicekit.db import Database
from servicekit.errors import SphereError
from servicekit.ids import new_id
from servicekit.rpc import metadata
from servicekit.rpc.status import error_from_rpc
from servicekit.testing.rpc import Pairs, Testbed


@dataclass
class PromptService:
    """Stubs of the served service, and one workspace to work in."""

    testbed: Testbed
    database: Database
    workspace_id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        channel = self.testbed.channel
        self.prompts = prompts_pb2_grpc.PromptsServiceStub(channel)
        self.versions = versions_pb2_grpc.VersionsServiceStub(channel)
        self.labels = labels_pb2_grpc.LabelsServiceStub(channel)
        self.delivery = delivery_pb2_grpc.DeliveryServiceStub(channel)
        self.editor = self.testbed.as_user(workspace_id=self.workspace_id)

    def with_match(self, row_version: int) -> Pairs:
        """The editor, with the row version that they believe in."""
        return (*self.editor, (metadata.IF_MATCH, str(row_version)))

    def with_key(self, key: str) -> Pairs:
        """The editor, with an idempotency key."""
        return (*self.editor, (metadata.IDEMPOTENCY_KEY, key), (metadata.REQUEST_HASH, "0" * 64))

    async def create(
        self,
        name: str,
        content: str | None = None,
        *,
        title: str = "",
        tags: tuple[str, ...] = (),
        who: Pairs | None = None,
    ) -> prompts_pb2.Prompt:
        """Make a prompt, with a first version when there is content."""
        version = None if content is None else versions_pb2.VersionDraft(content=content)
        request = prompts_pb2.CreatePromptRequest(name=name, title=title, tags=tags, version=version)
        response = await self.prompts.CreatePrompt(request, metadata=who or self.editor)
        return response.prompt

    async def add(
        self, prompt_id: str, content: str, *, who: Pairs | None = None, run_id: str = ""
    ) -> versions_pb2.CreateVersionResponse:
        """Store a version."""
        draft = versions_pb2.VersionDraft(content=content, run_id=run_id)
        request = versions_pb2.CreateVersionRequest(prompt_id=prompt_id, version=draft)
        return await self.versions.CreateVersion(request, metadata=who or self.editor)

    async def label(
        self, prompt_id: str, label: str, version: int, *, reason: str = "", who: Pairs | None = None
    ) -> labels_pb2.Label:
        """Point a label."""
        request = labels_pb2.SetLabelRequest(prompt_id=prompt_id, label=label, version=version, reason=reason)
        return (await self.labels.SetLabel(request, metadata=who or self.editor)).label

    async def get(self, prompt_id: str, *, who: Pairs | None = None) -> prompts_pb2.Prompt:
        """Read a prompt."""
        request = prompts_pb2.GetPromptRequest(id=prompt_id)
        return (await self.prompts.GetPrompt(request, metadata=who or self.editor)).prompt

    async def delete(self, prompt_id: str) -> None:
        """Put a prompt into the recycle bin."""
        await self.prompts.DeletePrompt(prompts_pb2.DeletePromptRequest(id=prompt_id), metadata=self.editor)


async def refusal(call: Awaitable[object]) -> SphereError:
    """The error that `call` ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value)


def pointers(error: SphereError) -> list[str]:
    """What the violations point at, in order."""
    return [violation.pointer for violation in error.violations]
