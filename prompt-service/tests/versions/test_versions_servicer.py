import asyncio
import hashlib

import grpc
import pytest
from prompt_service.rendering.bodies import MAX_BODY_BYTES
from prompt_service_testing import PromptService, pointers, refusal
from promptsphere.prompt.v1 import prompts_pb2, versions_pb2
from servicekit.ids import new_id
from servicekit.testing.rpc import Pairs


async def listed(service: PromptService, prompt_id: str, **fields: object) -> versions_pb2.ListVersionsResponse:
    request = versions_pb2.ListVersionsRequest(prompt_id=prompt_id, **fields)  # type: ignore[arg-type]
    return await service.versions.ListVersions(request, metadata=service.editor)


async def version(service: PromptService, prompt_id: str, number: int) -> versions_pb2.Version:
    request = versions_pb2.GetVersionRequest(prompt_id=prompt_id, number=number)
    return (await service.versions.GetVersion(request, metadata=service.editor)).version


async def rolled_back(
    service: PromptService, prompt_id: str, number: int, *, who: Pairs | None = None
) -> versions_pb2.RollbackPromptResponse:
    request = versions_pb2.RollbackPromptRequest(prompt_id=prompt_id, version=number)
    return await service.versions.RollbackPrompt(request, metadata=who or service.editor)


async def rendered(
    service: PromptService, prompt_id: str, variables_json: str = "", **fields: object
) -> versions_pb2.RenderPromptResponse:
    request = versions_pb2.RenderPromptRequest(
        prompt_id=prompt_id,
        variables_json=variables_json,
        **fields,  # type: ignore[arg-type]
    )
    return await service.versions.RenderPrompt(request, metadata=service.editor)


@pytest.mark.parametrize(
    "content",
    [
        "a\r\nb\rc\n",
        "  \t trailing \n\n",
        "😀👩‍👩‍👧 𠮷 客服",
        "e\u0301 é",
        "{{ x }} \\{{ y",
        "\u2028\ufeff",
        "'\"\\ %s :x",
    ],
)
async def test_content_is_kept_byte_for_byte(service: PromptService, content: str) -> None:
    made = await service.create("bytes", content)

    stored = await version(service, made.id, 1)

    assert stored.content == content
    assert stored.content_sha256 == hashlib.sha256(content.encode()).hexdigest()


async def test_content_of_256_kib_is_stored_and_one_byte_more_is_not(service: PromptService) -> None:
    made = await service.create("large")
    largest = "字" * (MAX_BODY_BYTES // 3) + "x" * (MAX_BODY_BYTES % 3)

    stored = await service.add(made.id, largest)
    error = await refusal(service.add(made.id, largest + "x"))

    assert (await version(service, made.id, 1)).content == largest
    assert stored.version.number == 1
    assert pointers(error) == ["/content"]


async def test_50_parallel_creates_are_numbered_without_gap_or_duplicate(service: PromptService) -> None:
    made = await service.create("race")

    answers = await asyncio.gather(*(service.add(made.id, f"content {n}") for n in range(50)))

    assert sorted(answer.version.number for answer in answers) == list(range(1, 51))
    assert not any(answer.deduplicated for answer in answers)
    for answer in answers[:5]:
        assert await version(service, made.id, answer.version.number) == answer.version
    assert (await service.get(made.id)).head_version == 50


async def test_content_equal_to_the_head_is_the_head(service: PromptService) -> None:
    made = await service.create("dedup", "same")

    again = await service.add(made.id, "same")
    other = await service.add(made.id, "other")
    back = await service.add(made.id, "same")

    assert (again.deduplicated, again.version) == (True, made.version)
    assert (other.deduplicated, other.version.number) == (False, 2)
    assert (back.deduplicated, back.version.number) == (False, 3)
    assert (await service.get(made.id)).row_version == 3


async def test_20_parallel_creates_of_one_content_store_one_version(service: PromptService) -> None:
    made = await service.create("same-race")

    answers = await asyncio.gather(*(service.add(made.id, "same") for _ in range(20)))

    assert {answer.version.number for answer in answers} == {1}
    assert sum(not answer.deduplicated for answer in answers) == 1


async def test_a_run_is_stored_once(service: PromptService) -> None:
    made, run_id = await service.create("from-run"), new_id()
    other = await service.create("other")

    first = await service.add(made.id, "result", run_id=run_id)
    await service.add(made.id, "between")
    again = await service.add(made.id, "result", run_id=run_id)
    error = await refusal(service.add(other.id, "result", run_id=run_id))

    assert (first.version.run_id, first.deduplicated) == (run_id, False)
    assert (again.version, again.deduplicated) == (first.version, True)
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "run_stored")
    assert error.metadata["prompt_id"] == made.id


async def test_of_two_prompts_that_store_a_run_at_once_one_gets_it(service: PromptService) -> None:
    run_id = new_id()
    made = [await service.create(f"p{n}") for n in range(10)]

    outcomes = await asyncio.gather(
        *(service.add(prompt.id, "result", run_id=run_id) for prompt in made), return_exceptions=True
    )

    losers = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert len(losers) == 9
    assert {loser.code() for loser in losers} == {grpc.StatusCode.ALREADY_EXISTS}


async def test_a_prompt_made_from_a_run_twice_is_one_prompt(service: PromptService) -> None:
    draft = versions_pb2.VersionDraft(content="result", run_id=new_id(), origin=versions_pb2.ORIGIN_GENERATE)

    async def made(name: str) -> prompts_pb2.CreatePromptResponse:
        request = prompts_pb2.CreatePromptRequest(name=name, version=draft)
        return await service.prompts.CreatePrompt(request, metadata=service.editor)

    first, again = await made("run"), await made("run")
    error = await refusal(made("another"))

    assert again == first
    assert first.prompt.version.origin == versions_pb2.ORIGIN_GENERATE
    assert error.reason == "run_stored"


async def test_messages_variables_and_settings_come_back_as_given(service: PromptService) -> None:
    made = await service.create("full")
    draft = versions_pb2.VersionDraft(
        messages=versions_pb2.Messages(
            items=[
                versions_pb2.Message(role="system", content="你是{{ role }}\r\n"),
                versions_pb2.Message(role="user", content="{{ level }}"),
            ]
        ),
        variables=[
            versions_pb2.Variable(
                name="level",
                type="enum",
                options=["高", "低"],
                default_json='"低"',
                title="级别",
                example_json='"高"',
            ),
            versions_pb2.Variable(name="spare", type="json", default_json='{ "a": 1.10 }', max_chars=99),
        ],
        model_settings_json='{ "temperature": 0.70 }',
        commit_message="第一版",
        origin=versions_pb2.ORIGIN_IMPORT,
    )
    request = versions_pb2.CreateVersionRequest(prompt_id=made.id, version=draft)

    stored = (await service.versions.CreateVersion(request, metadata=service.editor)).version

    assert stored == await version(service, made.id, 1)
    assert stored.messages == draft.messages
    assert [variable.name for variable in stored.variables] == ["role", "level", "spare"]
    assert stored.variables[0] == versions_pb2.Variable(name="role", type="string", required=True)
    assert list(stored.variables[1:]) == list(draft.variables)
    assert stored.model_settings_json == draft.model_settings_json
    assert (stored.commit_message, stored.origin) == ("第一版", versions_pb2.ORIGIN_IMPORT)
    assert stored.author.name == "测试 Tester"
    canonical = '[{"content":"你是{{ role }}\\r\\n","role":"system"},{"content":"{{ level }}","role":"user"}]'
    assert stored.content_sha256 == hashlib.sha256(canonical.encode()).hexdigest()


async def test_the_parent_is_the_head_unless_an_earlier_one_is_named(service: PromptService) -> None:
    made = await service.create("family", "1")
    draft = versions_pb2.VersionDraft(content="3", parent=1)

    second = (await service.add(made.id, "2")).version
    request = versions_pb2.CreateVersionRequest(prompt_id=made.id, version=draft)
    third = (await service.versions.CreateVersion(request, metadata=service.editor)).version
    draft.parent, draft.content = 9, "4"
    request = versions_pb2.CreateVersionRequest(prompt_id=made.id, version=draft)
    error = await refusal(service.versions.CreateVersion(request, metadata=service.editor))

    assert (made.version.parent, second.parent, third.parent) == (0, 1, 1)
    assert pointers(error) == ["/parent"]


async def test_a_version_may_be_tied_to_the_state_of_the_prompt(service: PromptService) -> None:
    made = await service.create("tied", "1")

    await service.add(made.id, "2", who=service.with_match(made.row_version))
    error = await refusal(service.add(made.id, "3", who=service.with_match(made.row_version)))

    assert error.reason == "stale"


async def test_a_rollback_is_a_new_version_with_the_old_content(service: PromptService) -> None:
    made = await service.create("back", "one {{v}}")
    await service.add(made.id, "two")

    answer = await rolled_back(service, made.id, 1)
    again = await rolled_back(service, made.id, 1)
    error = await refusal(rolled_back(service, made.id, 9))

    new = answer.version
    assert (new.number, new.content, new.parent) == (3, "one {{v}}", 1)
    assert new.origin == versions_pb2.ORIGIN_ROLLBACK
    assert new.variables == made.version.variables
    assert (again.deduplicated, again.version) == (True, new)
    assert pointers(error) == ["/version"]


async def test_a_rollback_with_an_idempotency_key_is_done_once(service: PromptService) -> None:
    made = await service.create("back-once", "1")
    await service.add(made.id, "2")

    first = await rolled_back(service, made.id, 1, who=service.with_key("rollback-key"))
    await service.add(made.id, "4")
    second = await rolled_back(service, made.id, 1, who=service.with_key("rollback-key"))

    assert first == second


async def test_versions_are_listed_newest_first(service: PromptService) -> None:
    made = await service.create("listed", "1")
    for n in range(2, 6):
        await service.add(made.id, str(n))

    first = await listed(service, made.id, limit=3)
    second = await listed(service, made.id, limit=3, cursor=first.next_cursor)
    empty = await listed(service, (await service.create("none")).id)
    error = await refusal(listed(service, made.id, cursor=first.next_cursor[:-4] + "AAAA"))

    assert [item.content for item in first.items] == ["5", "4", "3"]
    assert [item.content for item in second.items] == ["2", "1"]
    assert (second.next_cursor, len(empty.items), empty.next_cursor) == ("", 0, "")
    assert error.reason == "invalid_cursor"


async def test_a_page_of_large_versions_fits_one_message(service: PromptService) -> None:
    made = await service.create("heavy")
    for n in range(20):
        await service.add(made.id, f"{n:02}" + "x" * (MAX_BODY_BYTES - 2))

    seen: list[int] = []
    cursor = ""
    while True:
        page = await listed(service, made.id, limit=100, cursor=cursor)
        assert page.items
        seen.extend(item.number for item in page.items)
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == list(range(20, 0, -1))


async def test_rendering_fills_the_head_a_version_or_a_label(service: PromptService) -> None:
    made = await service.create("rendered", "一 {{name}}")
    await service.add(made.id, "二 {{name}} {{> other@production}}")
    await service.label(made.id, "production", 1)
    values = '{"name": "{{name}}", "ghost": 1}'

    head = await rendered(service, made.id, values)
    numbered = await rendered(service, made.id, values, version=1)
    labelled = await rendered(service, made.id, values, label="production")
    latest = await rendered(service, made.id, values, label="latest")

    assert (head.content, head.version) == ("二 {{name}} {{> other@production}}", 2)
    assert head == latest
    assert (numbered.content, numbered.version) == ("一 {{name}}", 1)
    assert labelled == numbered
    assert len(head.warnings) == 1


async def test_large_texts_are_rendered_off_the_loop_alike(service: PromptService) -> None:
    made = await service.create("rendered-large", "{{name}}" + "字" * 50_000)

    answer = await rendered(service, made.id, '{"name": "v"}')

    assert answer.content == "v" + "字" * 50_000


async def test_rendering_refuses_with_reasons(service: PromptService) -> None:
    made = await service.create("refusing", "{{a}}{{b}}")
    empty = await service.create("nothing")

    missing = await refusal(rendered(service, made.id))
    wrong = await refusal(rendered(service, made.id, '{"a": 1, "b": "x"}'))
    both = await refusal(rendered(service, made.id, version=1, label="production"))
    unknown = [
        await refusal(rendered(service, made.id, version=2)),
        await refusal(rendered(service, made.id, version=-1)),
        await refusal(rendered(service, made.id, label="staging")),
        await refusal(rendered(service, empty.id)),
    ]

    assert (missing.reason, pointers(missing)) == ("missing_variables", ["/variables/a", "/variables/b"])
    assert (wrong.reason, pointers(wrong)) == ("invalid_request", ["/variables/a"])
    assert both.reason == "invalid_request"
    assert {error.reason for error in unknown} == {"not_found"}
