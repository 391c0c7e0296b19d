"""Processes that die in the middle of the journey: nothing acknowledged is lost, and everything comes back."""

import asyncio

import aiohttp
from local_stack.demo.client import Answer
from local_stack.testing import Person, StackProcess

BACK_SECONDS = 30.0


async def patiently(person: Person, method: str, path: str, body: dict[str, object] | None = None) -> Answer:
    """Send until it is not refused as unavailable; never with anything but the documented answers meanwhile."""
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            answer = await person.client.send(method, path, body)
            if answer.status != 503:
                return answer
            assert "Retry-After" in answer.headers
            await asyncio.sleep(0.1)


async def test_versions_acknowledged_before_a_kill_are_there_and_dense(stack: StackProcess, person: Person) -> None:
    prompt = await person.prompt("version 1")
    path = f"/api/v1/prompts/{prompt['id']}/versions"
    acknowledged: set[int] = {1}

    async def write(number: int) -> None:
        answer = await person.client.send("POST", path, {"content": f"text {number}"})
        assert answer.status in {201, 503, 504}, answer.body
        if answer.status == 201:
            acknowledged.add(answer.body["number"])

    writers = [asyncio.create_task(write(number)) for number in range(40)]
    await asyncio.sleep(0.05)
    stack.kill("prompt_service")
    await asyncio.gather(*writers)
    listed = await patiently(person, "GET", f"{path}?limit=100")
    numbers = [one["number"] for one in listed.body["items"]]

    assert listed.status == 200
    assert acknowledged <= set(numbers)
    assert numbers == list(range(len(numbers), 0, -1))


async def test_a_run_whose_process_dies_ends_once(stack: StackProcess, person: Person) -> None:
    body = {"kind": "generate", "input": {"description": "会议纪要助手，需要区分结论和待办，并写明负责人"}}
    runs = await asyncio.gather(*(person.client.expect(202, "POST", "/api/v1/runs", body) for _ in range(10)))

    stack.kill("generation_service")
    states = []
    for run in runs:
        path = f"/api/v1/runs/{run.body['id']}"
        async with asyncio.timeout(BACK_SECONDS):
            while True:
                found = await patiently(person, "GET", path)
                if found.body["state"] not in {"queued", "running"}:
                    break
                await asyncio.sleep(0.1)
        states.append(found.body["state"])
        events = [event async for event in person.client.events(run.body["id"])]
        assert sum(event.name in {"done", "error"} for event in events) == 1
        assert [int(event.id) for event in events] == sorted({int(event.id) for event in events})

    assert set(states) <= {"succeeded", "interrupted"}


async def test_nobody_is_logged_out_by_anything_of_this(stack: StackProcess, person: Person) -> None:
    key = await person.api_key("read")
    stack.flush_redis()
    assert (await person.client.send("GET", "/api/v1/me")).status == 200

    stack.kill("auth_service")
    while_away = await person.client.send("GET", "/api/v1/prompts")
    me = await patiently(person, "GET", "/api/v1/me")
    refreshed = await patiently(
        person, "POST", "/api/v1/auth/refresh", {"refresh_token": person.tokens["refresh_token"]}
    )
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{stack.url}/api/v1/prompts") as by_key:
        assert by_key.status == 200

    assert while_away.status in {200, 503}
    assert me.status == 200
    assert refreshed.status == 200


async def test_without_redis_everything_goes_on(stack: StackProcess, person: Person) -> None:
    prompt = await person.prompt("still here")
    await person.client.expect(200, "PUT", f"/api/v1/prompts/{prompt['id']}/labels/production", {"version": 1})

    stack.kill("redis.sock")
    answers = [await person.client.send("GET", f"/api/v1/delivery/{prompt['name']}") for _ in range(20)]

    assert {answer.status for answer in answers} == {200}


async def test_a_killed_gateway_comes_back(stack: StackProcess, person: Person) -> None:
    stack.kill("api_gateway")

    async with asyncio.timeout(BACK_SECONDS):
        while True:
            try:
                if (await person.client.send("GET", "/readyz")).status == 200:
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)

    assert (await person.client.send("GET", "/api/v1/me")).status == 200
