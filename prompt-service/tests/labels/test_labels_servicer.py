import asyncio
import itertools

import pytest
from prompt_service.labels.names import problem_of_label
from prompt_service_testing import PromptService, pointers, refusal
from promptsphere.prompt.v1 import labels_pb2
from servicekit.testing.rpc import Pairs


async def remove(
    service: PromptService, prompt_id: str, label: str, *, reason: str = "", who: Pairs | None = None
) -> None:
    request = labels_pb2.DeleteLabelRequest(prompt_id=prompt_id, label=label, reason=reason)
    await service.labels.DeleteLabel(request, metadata=who or service.editor)


async def labels(service: PromptService, prompt_id: str) -> dict[str, int]:
    request = labels_pb2.ListLabelsRequest(prompt_id=prompt_id)
    response = await service.labels.ListLabels(request, metadata=service.editor)
    return {item.label: item.version for item in response.items}


async def history(
    service: PromptService, prompt_id: str, label: str, **fields: object
) -> labels_pb2.ListLabelEventsResponse:
    request = labels_pb2.ListLabelEventsRequest(prompt_id=prompt_id, label=label, **fields)  # type: ignore[arg-type]
    return await service.labels.ListLabelEvents(request, metadata=service.editor)


async def two_versions(service: PromptService, name: str = "labelled") -> str:
    made = await service.create(name, "1")
    await service.add(made.id, "2")
    return made.id


@pytest.mark.parametrize("label", ["production", "a", "a" * 36, "v", "v1a", "v1.2", "canary-2_x"])
def test_a_label_within_the_grammar_is_fine(label: str) -> None:
    assert problem_of_label(label) == ""


@pytest.mark.parametrize("label", ["", "a" * 37, "Prod", "1a", "-a", "生产", "a b", "a\n", "v1", "v007", "latest"])
def test_a_label_outside_of_it_gets_a_sentence(label: str) -> None:
    assert problem_of_label(label)


async def test_set_move_and_remove_leave_three_events(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    await service.label(prompt_id, "production", 1, reason="首发")
    await service.label(prompt_id, "production", 2, reason="新版")
    await remove(service, prompt_id, "production", reason="下线")

    events = (await history(service, prompt_id, "production")).items
    assert [(e.action, e.from_version, e.to_version, e.reason) for e in events] == [
        ("removed", 2, 0, "下线"),
        ("moved", 1, 2, "新版"),
        ("set", 0, 1, "首发"),
    ]
    assert all(event.actor.name == "测试 Tester" for event in events)
    assert await labels(service, prompt_id) == {}


async def test_setting_a_label_where_it_points_is_no_event(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    first = await service.label(prompt_id, "staging", 1)
    again = await service.label(prompt_id, "staging", 1)

    assert again == first
    assert len((await history(service, prompt_id, "staging")).items) == 1


async def test_labels_are_listed_by_name_and_shown_with_the_prompt(service: PromptService) -> None:
    prompt_id = await two_versions(service)
    for label, version in (("staging", 2), ("canary", 1), ("production", 1)):
        await service.label(prompt_id, label, version)
    await remove(service, prompt_id, "canary")

    assert list((await labels(service, prompt_id)).items()) == [("production", 1), ("staging", 2)]
    assert dict((await service.get(prompt_id)).labels) == {"production": 1, "staging": 2}


async def test_a_label_needs_a_version_that_exists(service: PromptService) -> None:
    prompt_id = await two_versions(service)
    empty = await service.create("empty")

    errors = [
        await refusal(service.label(prompt_id, "staging", 3)),
        await refusal(service.label(prompt_id, "staging", 0)),
        await refusal(service.label(empty.id, "staging", 1)),
    ]

    assert [pointers(error) for error in errors] == [["/version"]] * 3
    assert "the newest is 2" in errors[0].message


async def test_latest_can_be_neither_set_nor_removed(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    errors = [
        await refusal(service.label(prompt_id, "latest", 1)),
        await refusal(remove(service, prompt_id, "latest")),
    ]

    assert all("always is the newest version" in error.message for error in errors)
    assert {error.reason for error in errors} == {"invalid_request"}


async def test_a_label_that_is_not_there_cannot_be_removed(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    assert (await refusal(remove(service, prompt_id, "staging"))).reason == "not_found"


async def test_a_reason_has_at_most_4000_characters(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    await service.label(prompt_id, "staging", 1, reason="因" * 4000)
    error = await refusal(service.label(prompt_id, "staging", 2, reason="因" * 4001))

    assert pointers(error) == ["/reason"]


async def test_a_stale_row_version_moves_nothing(service: PromptService) -> None:
    prompt_id = await two_versions(service)
    first = await service.label(prompt_id, "production", 1)

    moved = await service.label(prompt_id, "production", 2, who=service.with_match(first.row_version))
    errors = [
        await refusal(service.label(prompt_id, "production", 1, who=service.with_match(first.row_version))),
        await refusal(remove(service, prompt_id, "production", who=service.with_match(first.row_version))),
        await refusal(service.label(prompt_id, "new", 1, who=service.with_match(1))),
    ]

    assert moved.row_version > first.row_version
    assert {error.reason for error in errors} == {"stale"}
    assert await labels(service, prompt_id) == {"production": 2}


async def test_a_label_set_again_never_bears_an_old_row_version(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    first = await service.label(prompt_id, "production", 1)
    await remove(service, prompt_id, "production")
    second = await service.label(prompt_id, "production", 1)

    assert second.row_version > first.row_version


async def test_history_comes_in_pages(service: PromptService) -> None:
    prompt_id = await two_versions(service)
    for n in range(5):
        await service.label(prompt_id, "staging", n % 2 + 1)

    first = await history(service, prompt_id, "staging", limit=3)
    second = await history(service, prompt_id, "staging", limit=3, cursor=first.next_cursor)
    error = await refusal(history(service, prompt_id, "production", cursor=first.next_cursor))
    nothing = await history(service, prompt_id, "production")

    assert [event.to_version for event in (*first.items, *second.items)] == [1, 2, 1, 2, 1]
    assert second.next_cursor == ""
    assert error.reason == "invalid_cursor"
    assert not nothing.items


async def test_parallel_moves_make_one_line_of_events(service: PromptService) -> None:
    prompt_id = await two_versions(service)

    await asyncio.gather(
        *(service.label(prompt_id, "production", n % 2 + 1) for n in range(20)),
        *(service.label(prompt_id, f"l{n}", 1) for n in range(10)),
    )

    events = list((await history(service, prompt_id, "production", limit=100)).items)
    events.reverse()
    assert events[0].from_version == 0
    assert all(later.from_version == earlier.to_version for earlier, later in itertools.pairwise(events))
    stored = await labels(service, prompt_id)
    assert stored["production"] == events[-1].to_version
    assert dict((await service.get(prompt_id)).labels) == stored


async def test_a_prompt_has_at_most_100_labels(service: PromptService) -> None:
    prompt_id = await two_versions(service)
    for n in range(100):
        await service.label(prompt_id, f"l{n}", 1)

    error = await refusal(service.label(prompt_id, "one-more", 1))

    assert pointers(error) == ["/label"]
    assert len(await labels(service, prompt_id)) == 100
