"""Many at once: versions without a gap, one successor, one winner."""

import asyncio
import time

from local_stack.demo.client import Client
from local_stack.testing import PASSWORD, Person, StackProcess

REFRESH = "/api/v1/auth/refresh"
GRACE_SECONDS = 10


async def test_fifty_parallel_versions_are_numbered_without_a_gap(person: Person) -> None:
    prompt = (await person.client.expect(201, "POST", "/api/v1/prompts", {"name": f"dense-{time.time_ns()}"})).body
    path = f"/api/v1/prompts/{prompt['id']}/versions"

    answers = await asyncio.gather(
        *(person.client.send("POST", path, {"content": f"text {number}"}) for number in range(50))
    )
    listed = (await person.client.expect(200, "GET", f"{path}?limit=100")).body

    assert {answer.status for answer in answers} == {201}
    assert sorted(answer.body["number"] for answer in answers) == list(range(1, 51))
    assert [one["number"] for one in listed["items"]] == list(range(50, 0, -1))
    assert {one["content"] for one in listed["items"]} == {f"text {number}" for number in range(50)}


async def test_one_of_many_gets_a_name(person: Person) -> None:
    body = {"name": f"wanted-{time.time_ns()}"}

    answers = await asyncio.gather(*(person.client.send("POST", "/api/v1/prompts", body) for _ in range(20)))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 19
    assert {answer.body.get("code") for answer in answers if answer.status == 409} == {"name_taken"}


async def test_fifty_parallel_refreshes_have_one_successor_and_late_reuse_ends_the_family(
    stack: StackProcess, person: Person
) -> None:
    old = {"refresh_token": person.tokens["refresh_token"]}
    async with Client(stack.url, language="en") as client:
        answers = await asyncio.gather(*(client.send("POST", REFRESH, old) for _ in range(50)))
        successors = {answer.body.get("refresh_token") for answer in answers}
        await asyncio.sleep(GRACE_SECONDS + 0.5)
        reused = await client.send("POST", REFRESH, old)
        successor = await client.send("POST", REFRESH, {"refresh_token": answers[0].body["refresh_token"]})

    assert {answer.status for answer in answers} == {200}
    assert len(successors) == 1
    assert (reused.status, reused.body["code"]) == (401, "refresh_reused")
    assert successor.status == 401


async def test_an_ended_session_is_refused_within_two_seconds(stack: StackProcess, person: Person) -> None:
    async with Client(stack.url, language="en") as elsewhere:
        login = {"email": person.email, "password": PASSWORD}
        elsewhere.access_token = (await elsewhere.expect(200, "POST", "/api/v1/auth/login", login)).body["access_token"]
        await elsewhere.expect(200, "GET", "/api/v1/me")
        await person.client.expect(204, "DELETE", "/api/v1/me/sessions?others=true")
        ended = time.monotonic()
        while (answer := await elsewhere.send("GET", "/api/v1/me")).status == 200:
            assert time.monotonic() - ended < 2
            await asyncio.sleep(0.02)

    assert answer.status == 401
    assert (await person.client.send("GET", "/api/v1/me")).status == 200


async def test_a_revoked_key_is_refused_within_two_seconds(stack: StackProcess, person: Person) -> None:
    made = (await person.client.expect(201, "POST", "/api/v1/api-keys", {"name": "k", "scopes": ["read"]})).body
    async with Client(stack.url, language="en") as application:
        application.access_token = made["key"]
        await application.expect(200, "GET", "/api/v1/prompts")
        await person.client.expect(204, "DELETE", f"/api/v1/api-keys/{made['id']}")
        ended = time.monotonic()
        while (answer := await application.send("GET", "/api/v1/prompts")).status == 200:
            assert time.monotonic() - ended < 2
            await asyncio.sleep(0.02)

    assert answer.status == 401


async def test_a_rotated_keys_old_secret_is_refused_within_two_seconds(stack: StackProcess, person: Person) -> None:
    made = (await person.client.expect(201, "POST", "/api/v1/api-keys", {"name": "k", "scopes": ["read"]})).body
    async with Client(stack.url, language="en") as old, Client(stack.url, language="en") as new:
        old.access_token = made["key"]
        await old.expect(200, "GET", "/api/v1/prompts")
        rotated = (await person.client.expect(201, "POST", f"/api/v1/api-keys/{made['id']}/rotate")).body
        ended = time.monotonic()
        while (answer := await old.send("GET", "/api/v1/prompts")).status == 200:
            assert time.monotonic() - ended < 2
            await asyncio.sleep(0.02)
        new.access_token = rotated["key"]
        fresh = await new.send("GET", "/api/v1/prompts")

    assert answer.status == 401
    assert fresh.status == 200
