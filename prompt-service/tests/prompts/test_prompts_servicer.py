import asyncio
import time
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from prompt_service_testing import PromptService, pointers, refusal
from promptsphere.prompt.v1 import delivery_pb2, prompts_pb2
from servicekit.audit import AuditEvent
from servicekit.ids import new_id
from sqlalchemy import select


def update(
    service: PromptService, prompt: prompts_pb2.Prompt, *paths: str, if_match: int | None = None, **new: object
) -> grpc.aio.UnaryUnaryCall[prompts_pb2.UpdatePromptRequest, prompts_pb2.UpdatePromptResponse]:
    request = prompts_pb2.UpdatePromptRequest(
        prompt=prompts_pb2.Prompt(id=prompt.id, **new),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=paths or new.keys()),
    )
    who = service.editor if if_match is None else service.with_match(if_match)
    return service.prompts.UpdatePrompt(request, metadata=who)


def restore(
    service: PromptService, prompt: prompts_pb2.Prompt, name: str = ""
) -> grpc.aio.UnaryUnaryCall[prompts_pb2.RestorePromptRequest, prompts_pb2.RestorePromptResponse]:
    request = prompts_pb2.RestorePromptRequest(id=prompt.id, name=name)
    return service.prompts.RestorePrompt(request, metadata=service.editor)


async def test_a_prompt_is_given_back_as_it_was_made(service: PromptService) -> None:
    started = datetime.now(UTC)
    made = await service.create(
        "support/refund",
        "你是客服。\r\n{{ 名 }} {{name}} 😀  \n",
        title="客服智能体",
        tags=(" 客服 ", "售后", "客服"),
    )

    got = await service.get(made.id)

    assert got == made
    assert (got.name, got.title, list(got.tags)) == ("support/refund", "客服智能体", ["客服", "售后"])
    assert (got.head_version, got.row_version, dict(got.labels)) == (1, 1, {})
    assert got.version.content == "你是客服。\r\n{{ 名 }} {{name}} 😀  \n"
    assert [variable.name for variable in got.version.variables] == ["name"]
    assert (got.created_by.type, got.created_by.name) == ("user", "测试 Tester")
    assert started <= got.created_at.ToDatetime(tzinfo=UTC) <= datetime.now(UTC)
    assert not got.HasField("deleted_at")


async def test_a_prompt_without_content_has_no_head(service: PromptService) -> None:
    made = await service.create("empty")

    got = await service.get(made.id)

    assert got.head_version == 0
    assert not got.HasField("version")


async def test_a_name_is_unique_in_its_workspace_only(service: PromptService) -> None:
    await service.create("twin")

    error = await refusal(service.create("twin"))
    elsewhere = await service.create("twin", who=service.testbed.as_user())

    assert error.reason == "name_taken"
    assert error.code == "ALREADY_EXISTS"
    assert pointers(error) == ["/name"]
    assert elsewhere.name == "twin"


async def test_50_parallel_creates_of_one_name_have_one_winner(service: PromptService) -> None:
    outcomes = await asyncio.gather(
        *(service.create("race", f"content {n}") for n in range(50)), return_exceptions=True
    )

    winners = [outcome for outcome in outcomes if isinstance(outcome, prompts_pb2.Prompt)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert len(winners) == 1
    assert {loser.code() for loser in losers} == {grpc.StatusCode.ALREADY_EXISTS}
    assert len(losers) == 49


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Bad"}, ["/name"]),
        ({"name": "ok", "title": "t" * 201}, ["/title"]),
        ({"name": "ok", "title": "a\0"}, ["/title"]),
        ({"name": "ok", "tags": ["字" * 65]}, ["/tags/0"]),
        ({"name": "ok", "tags": ["fine", "  "]}, ["/tags/1"]),
        ({"name": "ok", "tags": [f"t{n}" for n in range(33)]}, ["/tags"]),
        ({"name": "", "title": "t" * 201}, ["/name", "/title"]),
    ],
)
async def test_what_breaks_a_rule_is_named(
    service: PromptService, fields: dict[str, object], expected: list[str]
) -> None:
    request = prompts_pb2.CreatePromptRequest(**fields)  # type: ignore[arg-type]

    error = await refusal(service.prompts.CreatePrompt(request, metadata=service.editor))

    assert error.reason == "invalid_request"
    assert pointers(error) == expected


async def test_lengths_count_code_points_after_nfc(service: PromptService) -> None:
    made = await service.create("nfc", title="e\u0301" * 200, tags=("😀" * 64,))

    assert made.title == "é" * 200
    assert list(made.tags) == ["😀" * 64]


async def test_an_update_changes_what_the_mask_names(service: PromptService) -> None:
    made = await service.create("old/name", "x", title="旧", tags=("a",))

    answer = await update(service, made, "title", "tags", if_match=1, name="ignored", title="新", tags=["b"])

    changed = answer.prompt
    assert (changed.name, changed.title, list(changed.tags)) == ("old/name", "新", ["b"])
    assert changed.row_version == 2
    assert changed.version.content == "x"
    assert changed == await service.get(made.id)


async def test_an_update_that_changes_nothing_is_no_change(service: PromptService) -> None:
    made = await service.create("same", title="t", tags=("a",))

    answer = await update(service, made, if_match=1, name="same", title="t", tags=["a"])

    assert answer.prompt.row_version == 1


async def test_an_update_needs_the_row_version(service: PromptService) -> None:
    made = await service.create("matched")

    without = await refusal(update(service, made, title="x"))
    await update(service, made, if_match=1, title="first")
    late = await refusal(update(service, made, if_match=1, title="second"))

    assert (without.code, without.reason) == ("FAILED_PRECONDITION", "precondition_required")
    assert (late.code, late.reason) == ("ABORTED", "stale")
    assert (await service.get(made.id)).title == "first"


async def test_of_20_parallel_updates_one_wins(service: PromptService) -> None:
    made = await service.create("contended")

    outcomes = await asyncio.gather(
        *(update(service, made, if_match=1, title=f"t{n}") for n in range(20)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert (await service.get(made.id)).row_version == 2


async def test_other_fields_cannot_be_updated(service: PromptService) -> None:
    made = await service.create("fixed")

    error = await refusal(update(service, made, "labels", "row_version", if_match=1))

    assert pointers(error) == ["/labels", "/row_version"]


async def test_a_rename_to_a_taken_name_is_refused(service: PromptService) -> None:
    await service.create("taken")
    made = await service.create("free")

    error = await refusal(update(service, made, if_match=1, name="taken"))

    assert error.reason == "name_taken"


async def test_a_deleted_prompt_shows_its_deletion_and_takes_no_change(service: PromptService) -> None:
    made = await service.create("gone", "x")
    await service.delete(made.id)

    got = await service.get(made.id)
    errors = [
        await refusal(update(service, made, if_match=got.row_version, title="x")),
        await refusal(service.add(made.id, "y")),
        await refusal(service.label(made.id, "production", 1)),
        await refusal(service.delete(made.id)),
    ]

    assert got.HasField("deleted_at")
    assert got.version.content == "x"
    assert {(error.code, error.reason) for error in errors} == {("FAILED_PRECONDITION", "deleted")}
    assert all("recycle bin" in error.message for error in errors)


async def test_a_deleted_prompt_frees_its_name_until_it_is_restored(service: PromptService) -> None:
    first = await service.create("reused", "first")
    await service.label(first.id, "production", 1)
    await service.delete(first.id)
    await service.create("reused", "second")

    taken = await refusal(restore(service, first))
    restored = (await restore(service, first, "reused/again")).prompt

    assert taken.reason == "name_taken"
    assert restored.name == "reused/again"
    assert not restored.HasField("deleted_at")
    assert dict(restored.labels) == {"production": 1}
    request = delivery_pb2.GetDeliveryRequest(name="reused/again")
    assert (await service.delivery.GetDelivery(request, metadata=service.editor)).version.content == "first"


async def test_restoring_the_living_changes_nothing(service: PromptService) -> None:
    made = await service.create("alive")

    answer = await restore(service, made)
    error = await refusal(restore(service, made, "other"))

    assert answer.prompt.row_version == 1
    assert pointers(error) == ["/name"]


async def test_a_create_with_an_idempotency_key_is_done_once(service: PromptService) -> None:
    request = prompts_pb2.CreatePromptRequest(name="once")
    who = service.with_key("the-key-of-this-test")

    first = await service.prompts.CreatePrompt(request, metadata=who)
    second = await service.prompts.CreatePrompt(request, metadata=who)

    assert first == second


async def test_a_viewer_may_read_and_not_write(service: PromptService) -> None:
    made = await service.create("readable")
    viewer = service.testbed.as_user(role="viewer", workspace_id=service.workspace_id)

    error = await refusal(service.create("written", who=viewer))

    assert error.code == "PERMISSION_DENIED"
    assert (await service.get(made.id, who=viewer)).id == made.id


async def test_an_api_key_is_the_author_of_what_it_makes(service: PromptService) -> None:
    key = new_id()
    who = service.testbed.as_api_key(scopes=["write"], workspace_id=service.workspace_id, key_id=key, name="ci")

    made = await service.create("by-key", "x", who=who)

    assert (made.created_by.type, made.created_by.id, made.created_by.name) == ("api_key", key, "ci")
    assert made.version.author == made.created_by


async def test_each_change_leaves_an_audit_row(service: PromptService) -> None:
    made = await service.create("audited", "x")
    await update(service, made, if_match=1, title="t")
    await service.add(made.id, "y")
    await service.label(made.id, "staging", 2)
    await service.delete(made.id)
    await restore(service, made)

    async with service.database.engine.connect() as connection:
        query = select(AuditEvent.action).where(AuditEvent.workspace_id == service.workspace_id)
        actions = list(await connection.scalars(query.order_by(AuditEvent.id)))
    assert actions == [
        "prompt.create",
        "prompt.update",
        "version.create",
        "label.set",
        "prompt.delete",
        "prompt.restore",
    ]


async def test_a_flood_of_tags_is_refused_before_each_is_looked_at(service: PromptService) -> None:
    tags = tuple(f"e\u0301{number}" for number in range(200_000))
    started = time.process_time()

    refused = await refusal(service.create("flooded", tags=tags))

    assert pointers(refused) == ["/tags"]
    assert time.process_time() - started < 1.5
