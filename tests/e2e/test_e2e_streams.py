"""What a client sees of a run: the same every time, wherever the connection broke and whatever restarted."""

import asyncio

from local_stack.testing import Person, StackProcess, event_id

LONG = "\n".join(
    f"{number}. 需要能处理第{number}类问题，给出依据和步骤，并说明第{number}类问题不适用的情况"
    for number in range(1, 61)
)


async def start(person: Person, description: str) -> str:
    body = {"kind": "generate", "input": {"description": description, "max_tokens": 20_000}}
    return str((await person.client.expect(202, "POST", "/api/v1/runs", body)).body["id"])


async def test_a_connection_dropped_at_each_event_and_resumed_sees_the_same(person: Person) -> None:
    run_id = await start(person, LONG)
    reference = await person.replay(run_id)
    ids = [int(event_id(frame)) for frame in reference]

    for count in range(1, len(reference) + 1):
        begun = []
        stream = person.frames(run_id)
        async for frame in stream:
            begun.append(frame)
            if len(begun) == count:
                break
        await stream.aclose()
        resumed = await person.replay(run_id, after=event_id(begun[-1]))
        assert begun + resumed == reference

    assert ids == sorted(set(ids))
    assert sum("event: done" in frame for frame in reference) == 1
    assert await person.replay(run_id, after=str(ids[-1])) == []
    assert await person.replay(run_id, after=str(ids[-1] + 5)) == []


async def test_many_readers_from_the_first_moment_see_the_same(person: Person) -> None:
    run_id = await start(person, LONG)

    seen = await asyncio.gather(*(person.replay(run_id) for _ in range(20)))

    assert all(one == seen[0] for one in seen)


async def test_a_finished_run_replays_after_a_restart_and_after_redis_forgot(
    stack: StackProcess, person: Person
) -> None:
    run_id = await start(person, "公文写作助手：通知、请示、函，语气庄重")
    reference = await person.replay(run_id)

    assert stack.stop() == 0
    stack.start()
    after_restart = await person.replay(run_id)
    stack.flush_redis()
    after_flush = await person.replay(run_id)

    assert after_restart == reference
    assert after_flush == reference


async def test_another_persons_run_is_not_there(person: Person, new_person: object) -> None:
    assert callable(new_person)
    run_id = await start(person, "an agent that writes haiku about databases")
    stranger: Person = await new_person()

    answers = [
        await stranger.client.send("GET", f"/api/v1/runs/{run_id}"),
        await stranger.client.send("GET", f"/api/v1/runs/{run_id}/events"),
        await stranger.client.send("POST", f"/api/v1/runs/{run_id}/cancel"),
    ]

    assert {answer.status for answer in answers} == {404}
