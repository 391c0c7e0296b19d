import asyncio
from typing import Any

import pytest
from prompt_service_testing import PromptService, refusal
from promptsphere.prompt.v1 import prompts_pb2
from servicekit.testing.rpc import Pairs
from sqlalchemy import event


async def listed(
    service: PromptService, *, who: Pairs | None = None, **fields: object
) -> prompts_pb2.ListPromptsResponse:
    request = prompts_pb2.ListPromptsRequest(**fields)  # type: ignore[arg-type]
    return await service.prompts.ListPrompts(request, metadata=who or service.editor)


def names(page: prompts_pb2.ListPromptsResponse) -> list[str]:
    return [prompt.name for prompt in page.items]


async def test_an_empty_list_has_no_items_and_no_cursor(service: PromptService) -> None:
    page = await listed(service)

    assert not page.items
    assert page.next_cursor == ""


async def test_pages_follow_each_other_newest_first(service: PromptService) -> None:
    for n in range(5):
        await service.create(f"p{n}", "content", tags=("t",))

    first = await listed(service, limit=2)
    second = await listed(service, limit=2, cursor=first.next_cursor)
    third = await listed(service, limit=2, cursor=second.next_cursor)

    assert [names(page) for page in (first, second, third)] == [["p4", "p3"], ["p2", "p1"], ["p0"]]
    assert third.next_cursor == ""
    assert not any(prompt.HasField("version") for prompt in first.items)
    assert first.items[0].head_version == 1


async def test_an_exactly_full_page_is_the_last(service: PromptService) -> None:
    for n in range(2):
        await service.create(f"p{n}")

    assert (await listed(service, limit=2)).next_cursor == ""


async def test_foreign_and_forged_cursors_are_refused(service: PromptService) -> None:
    for n in range(3):
        await service.create(f"p{n}", tags=("t",))
    cursor = (await listed(service, limit=1)).next_cursor
    assert cursor

    errors = [
        await refusal(listed(service, cursor=cursor[:-2] + "AA")),
        await refusal(listed(service, cursor="no cursor")),
        await refusal(listed(service, cursor=cursor, tag="t")),
        await refusal(listed(service, cursor=cursor, deleted=True)),
        await refusal(listed(service, cursor=cursor, who=service.testbed.as_user())),
    ]

    assert {error.reason for error in errors} == {"invalid_cursor"}


async def test_a_limit_out_of_range_is_refused(service: PromptService) -> None:
    errors = await asyncio.gather(refusal(listed(service, limit=101)), refusal(listed(service, limit=-1)))

    assert {error.reason for error in errors} == {"invalid_request"}


async def test_filters_find_what_they_name(service: PromptService) -> None:
    refund = await service.create("support/refund", "x", tags=("客服", "生产"))
    await service.create("support/vip/refund", "x", tags=("客服",))
    await service.create("supporting", "x", tags=("客服 ", "其他"))
    await service.label(refund.id, "production", 1)
    author = refund.created_by.id

    assert names(await listed(service, tag="客服")) == ["supporting", "support/vip/refund", "support/refund"]
    assert names(await listed(service, tag="生产")) == ["support/refund"]
    assert names(await listed(service, folder="support")) == ["support/vip/refund", "support/refund"]
    assert names(await listed(service, folder="support/vip/")) == ["support/vip/refund"]
    assert names(await listed(service, label="production")) == ["support/refund"]
    assert len((await listed(service, label="latest")).items) == 3
    assert len((await listed(service, author=author)).items) == 3
    assert names(await listed(service, tag="客服", folder="support", label="production", author=author)) == [
        "support/refund"
    ]
    assert not (await listed(service, tag="服")).items
    assert not (await listed(service, folder="supp")).items
    assert not (await listed(service, label="staging")).items
    assert not (await listed(service, author="nobody")).items


async def test_filtered_pages_follow_each_other(service: PromptService) -> None:
    for n in range(5):
        await service.create(f"f/p{n}", tags=("odd",) if n % 2 else ("even",))

    first = await listed(service, limit=2, tag="even", folder="f")
    second = await listed(service, limit=2, tag="even", folder="f", cursor=first.next_cursor)

    assert [names(first), names(second)] == [["f/p4", "f/p2"], ["f/p0"]]


async def test_the_filters_follow_every_change(service: PromptService) -> None:
    made = await service.create("a/one", "x", tags=("before",))
    await service.label(made.id, "staging", 1)
    request = prompts_pb2.UpdatePromptRequest(prompt=prompts_pb2.Prompt(id=made.id, name="b/one", tags=["after"]))
    request.update_mask.paths.extend(["name", "tags"])
    await service.prompts.UpdatePrompt(request, metadata=service.with_match(2))

    assert names(await listed(service, folder="b")) == ["b/one"]
    assert names(await listed(service, tag="after")) == ["b/one"]
    assert not (await listed(service, folder="a")).items
    assert not (await listed(service, tag="before")).items

    await service.delete(made.id)

    every: list[dict[str, Any]] = [{}, {"tag": "after"}, {"folder": "b"}, {"label": "staging"}]
    for fields in every:
        assert not (await listed(service, **fields)).items
        assert names(await listed(service, deleted=True, **fields)) == ["b/one"]


async def test_labels_of_a_page_come_with_it(service: PromptService) -> None:
    made = await service.create("labelled", "x")
    await service.label(made.id, "production", 1)
    await service.label(made.id, "staging", 1)

    (shown,) = (await listed(service)).items

    assert dict(shown.labels) == {"production": 1, "staging": 1}


async def test_a_list_shows_its_own_workspace_only(service: PromptService) -> None:
    await service.create("mine", tags=("t",))

    page = await listed(service, who=service.testbed.as_user(), tag="t")

    assert not page.items


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"deleted": True},
        {"tag": "t"},
        {"folder": "f"},
        {"label": "production"},
        {"author": "a"},
        {"tag": "t", "folder": "f", "label": "production", "author": "a"},
    ],
    ids=lambda fields: "+".join(fields) or "all",
)
async def test_a_page_is_read_in_the_order_of_a_key_and_never_sorted(
    service: PromptService, fields: dict[str, Any]
) -> None:
    for n in range(3):
        made = await service.create(f"f/p{n}", "x", tags=("t",))
        await service.label(made.id, "production", 1)
    seen: list[tuple[str, Any]] = []

    def keep(*args: Any) -> None:
        seen.append((args[2], args[3]))

    event.listen(service.database.engine.sync_engine, "before_cursor_execute", keep)
    await listed(service, **fields)
    event.remove(service.database.engine.sync_engine, "before_cursor_execute", keep)

    explain = "EXPLAIN QUERY PLAN " if service.database.dialect == "sqlite" else "EXPLAIN "
    queries = [(statement, values) for statement, values in seen if "ORDER BY" in statement]
    assert len(queries) == 1
    async with service.database.engine.connect() as connection:
        statement, values = queries[0]
        plan = str((await connection.exec_driver_sql(explain + statement, values)).all())
    assert "filesort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan
