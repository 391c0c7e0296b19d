"""The journey that must always work, through the gateway, over gRPC, from four processes."""

import asyncio
import secrets
import time

import pytest
from local_stack.demo.client import Client
from local_stack.testing import Person, StackProcess

SENTENCES = (
    ("客服智能体，需要专业、耐心、能解决常见问题", "zh"),
    ("an agent that writes API docs", "en"),
)


async def finished(client: Client, run_id: str) -> dict[str, object]:
    """The run once its end event came."""
    end = [event async for event in client.events(run_id)][-1]
    assert end.name == "done", end
    return dict(end.data["run"])


@pytest.mark.parametrize(("sentence", "language"), SENTENCES)
async def test_a_sentence_becomes_a_served_prompt(person: Person, sentence: str, language: str) -> None:
    client = person.client
    name = f"journey/{secrets.token_hex(4)}"

    requirement = (await client.expect(200, "POST", "/api/v1/requirements", {"description": sentence})).body
    body = {"kind": "generate", "input": {"requirement_id": requirement["id"]}}
    run = (await client.expect(202, "POST", "/api/v1/runs", body)).body
    events = [event async for event in client.events(run["id"])]
    content = "".join(event.data["text"] for event in events if event.name == "delta")
    made = (await client.expect(201, "POST", "/api/v1/prompts", {"name": name, "from_run": run["id"]})).body
    await client.expect(200, "PUT", f"/api/v1/prompts/{made['id']}/labels/production", {"version": 1})
    async with Client(client.url, language="en") as application:
        application.access_token = await person.api_key("deliver")
        delivered = await application.expect(200, "GET", f"/api/v1/delivery/{name}?label=production")
        again = await application.send("GET", f"/api/v1/delivery/{name}", If_None_Match=delivered.headers["ETag"])

    assert requirement["language"] == language
    assert events[0].name == "meta"
    assert events[-1].data["run"]["result"]["content"] == content
    assert made["version"]["origin"] == "generate"
    assert made["version"]["run_id"] == run["id"]
    assert delivered.body["content"] == content
    assert delivered.body["version"] == 1
    assert again.status == 304


async def test_a_result_is_assessed_by_rules(person: Person) -> None:
    body = {"content": "你是一名客服专家。\n\n尽量简洁，也要详细。"}

    run = (await person.client.expect(202, "POST", "/api/v1/assessments", body)).body
    result = (await finished(person.client, run["id"]))["result"]

    assert isinstance(result, dict)
    assert result["rubric"] == "peqa-1"
    assert 0 <= result["overall"] <= 75
    assert result["top_fix"]


async def test_a_moved_label_is_served_within_two_seconds_and_a_removed_one_never(person: Person) -> None:
    client = person.client
    prompt = await person.prompt("one")
    labels = f"/api/v1/prompts/{prompt['id']}/labels/production"
    path = f"/api/v1/delivery/{prompt['name']}"
    await client.expect(201, "POST", f"/api/v1/prompts/{prompt['id']}/versions", {"content": "two"})
    await client.expect(200, "PUT", labels, {"version": 1})
    assert (await client.expect(200, "GET", path)).body["content"] == "one"

    await client.expect(200, "PUT", labels, {"version": 2})
    moved = await client.expect(200, "GET", path)
    await client.expect(204, "DELETE", labels)
    removed = await client.send("GET", path)
    history = await client.expect(200, "GET", f"{labels}/history")

    assert moved.body["content"] == "two"
    assert removed.status == 404
    assert [one["action"] for one in history.body["items"]] == ["removed", "moved", "set"]


async def test_a_result_is_stored_once_per_run(person: Person) -> None:
    client = person.client
    body = {"kind": "generate", "input": {"description": "an agent that writes release notes"}}
    run = (await client.expect(202, "POST", "/api/v1/runs", body)).body
    await finished(client, run["id"])
    prompt = await person.prompt("something else")
    path = f"/api/v1/prompts/{prompt['id']}/versions"

    answers = await asyncio.gather(*(client.send("POST", path, {"from_run": run["id"]}) for _ in range(10)))

    assert sorted({answer.body["number"] for answer in answers}) == [2]
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]


async def test_events_can_follow_the_request_at_once(stack: StackProcess, person: Person) -> None:
    import aiohttp

    body = {"kind": "generate", "input": {"description": "翻译助手：中译英，保留专有名词"}}
    headers = {"Authorization": f"Bearer {person.client.access_token}", "Accept": "text/event-stream"}

    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stack.url}/api/v1/runs", json=body, headers=headers) as response,
    ):
        text = (await response.read()).decode()

    assert response.status == 200
    assert response.headers["Location"].startswith("/api/v1/runs/")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert text.count("event: done") == 1


async def test_a_repeat_with_the_same_key_is_the_same_answer(person: Person) -> None:
    key = secrets.token_hex(16)
    body = {"name": f"idem-{secrets.token_hex(4)}", "content": "x"}

    answers = await asyncio.gather(
        *(person.client.send("POST", "/api/v1/prompts", body, Idempotency_Key=key) for _ in range(10))
    )
    other = await person.client.send("POST", "/api/v1/prompts", body | {"title": "y"}, Idempotency_Key=key)

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotency-Replayed") == "true" for answer in answers) == 9
    assert (other.status, other.body["code"]) == (422, "idempotency_mismatch")


async def test_a_changed_resource_needs_its_current_etag(person: Person) -> None:
    prompt = await person.prompt()
    path = f"/api/v1/prompts/{prompt['id']}"
    etag = (await person.client.expect(200, "GET", path)).headers["ETag"]

    without = await person.client.send("PATCH", path, {"title": "新标题"})
    changed = await person.client.send("PATCH", path, {"title": "新标题"}, If_Match=etag)
    stale = await person.client.send("PATCH", path, {"title": "别的"}, If_Match=etag)

    assert (without.status, without.body["code"]) == (428, "precondition_required")
    assert (changed.status, changed.body["title"]) == (200, "新标题")
    assert (stale.status, stale.body["code"]) == (412, "stale")


async def test_health_answers_at_once_and_tells_what_is_there(stack: StackProcess) -> None:
    async with Client(stack.url, language="en") as client:
        started = time.monotonic()
        live = await client.send("GET", "/livez")
        ready = await client.send("GET", "/readyz")
        status = await client.send("GET", "/statusz")

    assert (live.status, ready.status) == (200, 200)
    assert {one["state"] for one in status.body["dependencies"].values()} == {"ok"}
    assert time.monotonic() - started < 2
