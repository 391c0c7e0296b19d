import asyncio
from contextlib import aclosing

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from prompt_service_testing import PromptService, refusal
from promptsphere.prompt.v1 import delivery_pb2, labels_pb2, prompts_pb2, versions_pb2
from servicekit.redis import invalidations
from servicekit.redis.client import GuardedRedis, Message, Reconnected
from servicekit.redis.invalidations import Invalidation, decode
from servicekit.testing.rpc import Pairs
from sqlalchemy import event


async def delivered(
    service: PromptService, name: str, *, who: Pairs | None = None, **fields: object
) -> delivery_pb2.GetDeliveryResponse:
    request = delivery_pb2.GetDeliveryRequest(name=name, **fields)  # type: ignore[arg-type]
    return await service.delivery.GetDelivery(request, metadata=who or service.editor)


async def test_a_prompt_is_delivered_by_label_number_and_as_latest(service: PromptService) -> None:
    made = await service.create("app/greeting", "一 {{ x }} \\{{")
    await service.add(made.id, "二")
    await service.label(made.id, "production", 1)

    default = await delivered(service, "app/greeting")
    numbered = await delivered(service, "app/greeting", version=2)
    latest = await delivered(service, "app/greeting", label="latest")

    assert (default.label, default.version.number, default.version.content) == (
        "production",
        1,
        "一 {{ x }} \\{{",
    )
    assert default == await delivered(service, "app/greeting", label="production")
    assert (numbered.label, numbered.version.content) == ("", "二")
    assert (latest.label, latest.version.number) == ("latest", 2)


async def test_what_is_not_there_is_not_found(service: PromptService) -> None:
    made = await service.create("there", "x")
    await service.label(made.id, "staging", 1)
    await service.create("empty")

    for name, fields in (
        ("nowhere", {}),
        ("there", {}),
        ("there", {"label": "canary"}),
        ("there", {"label": "Not A Label"}),
        ("there", {"version": 2}),
        ("there", {"version": -1}),
        ("empty", {"label": "latest"}),
        ("There", {"label": "staging"}),
        ("there ", {"label": "staging"}),
        ("", {"label": "staging"}),
    ):
        assert (await refusal(delivered(service, name, **fields))).reason == "not_found"


async def test_label_and_version_at_once_are_refused(service: PromptService) -> None:
    error = await refusal(delivered(service, "any", label="production", version=1))

    assert error.reason == "invalid_request"


async def test_removed_labels_and_deleted_prompts_are_delivered_no_more(service: PromptService) -> None:
    made = await service.create("leaving", "x")
    await service.label(made.id, "production", 1)
    await service.label(made.id, "staging", 1)
    request = labels_pb2.DeleteLabelRequest(prompt_id=made.id, label="staging")
    await service.labels.DeleteLabel(request, metadata=service.editor)

    assert (await refusal(delivered(service, "leaving", label="staging"))).reason == "not_found"
    await service.delete(made.id)
    assert (await refusal(delivered(service, "leaving"))).reason == "not_found"


async def test_a_key_that_may_only_deliver_can(service: PromptService) -> None:
    made = await service.create("keyed", "x")
    await service.label(made.id, "production", 1)
    key = service.testbed.as_api_key(scopes=["deliver"], workspace_id=service.workspace_id)

    assert (await delivered(service, "keyed", who=key)).version.content == "x"
    assert (await refusal(service.get(made.id, who=key))).code == "PERMISSION_DENIED"


async def test_a_delivery_is_one_query(service: PromptService) -> None:
    made = await service.create("quick", "x")
    await service.label(made.id, "production", 1)
    statements: list[str] = []

    def count(*args: object) -> None:
        if str(args[2]).startswith("SELECT"):
            statements.append(str(args[2]))

    event.listen(service.database.engine.sync_engine, "before_cursor_execute", count)
    await delivered(service, "quick")
    await delivered(service, "quick", label="latest")
    await delivered(service, "quick", version=1)

    assert len(statements) == 3


async def test_every_change_of_what_is_delivered_is_announced(service: PromptService, redis_url: str) -> None:
    redis = GuardedRedis(redis_url)
    heard: list[frozenset[str]] = []
    subscribed = asyncio.Event()

    async def listen() -> None:
        async with aclosing(redis.subscriber(invalidations.CHANNEL)) as messages:
            async for message in messages:
                if isinstance(message, Reconnected):
                    subscribed.set()
                    continue
                invalidation = decode(message.data)
                assert invalidation is not None
                assert invalidation.workspace_id == service.workspace_id
                heard.append(invalidation.names)
                if invalidation.names == {"the-end"}:
                    return

    listener = asyncio.create_task(listen())
    await asyncio.wait_for(subscribed.wait(), 5)
    made = await service.create("old", "1")
    await service.add(made.id, "2")
    await service.add(made.id, "2")
    await service.label(made.id, "production", 1)
    await service.label(made.id, "production", 1)
    await service.label(made.id, "production", 2)
    await service.labels.DeleteLabel(
        labels_pb2.DeleteLabelRequest(prompt_id=made.id, label="production"), metadata=service.editor
    )
    await service.versions.RollbackPrompt(
        versions_pb2.RollbackPromptRequest(prompt_id=made.id, version=1), metadata=service.editor
    )
    row_version = (await service.get(made.id)).row_version
    await service.prompts.UpdatePrompt(
        prompts_pb2.UpdatePromptRequest(
            prompt=prompts_pb2.Prompt(id=made.id, name="new"), update_mask=FieldMask(paths=["name"])
        ),
        metadata=service.with_match(row_version),
    )
    await service.delete(made.id)
    await service.prompts.RestorePrompt(prompts_pb2.RestorePromptRequest(id=made.id), metadata=service.editor)
    await service.create("the-end")
    await asyncio.wait_for(listener, 5)
    await redis.close()

    assert heard == [
        {"old"},  # create
        {"old"},  # version; storing the same again is no change
        {"old"},  # set; pointing where it points is no change
        {"old"},  # moved
        {"old"},  # removed
        {"old"},  # rollback
        {"old", "new"},  # rename
        {"new"},  # delete
        {"new"},  # restore
        {"the-end"},
    ]


async def test_an_announcement_that_cannot_be_made_fails_nothing() -> None:
    away = GuardedRedis("redis://127.0.0.1:1")

    assert not await invalidations.publish(away, workspace_id="w", names={"a"})
    await away.close()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"workspace_id": 1, "names": []}', b'{"names": ["a"]}'])
def test_a_message_that_is_none_of_ours_is_recognised(data: bytes) -> None:
    assert decode(data) is None


def test_a_message_comes_out_as_it_went_in() -> None:
    sent = Invalidation("w", frozenset({"b", "a"}))

    assert decode(Message(channel=invalidations.CHANNEL, data=sent.encode()).data) == sent
