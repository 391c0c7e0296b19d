"""Two gateways and two generation-services on one database: whoever answers, the answer is the same."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import grpc
import orjson
import pytest
from local_stack.demo.client import Json
from local_stack.testing import Person, StackProcess, ask, event_id, register, until
from promptsphere.generation.v1 import runs_pb2, runs_pb2_grpc
from vendor_fakes.dashscope import Fault
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.process import FakeProcess

DESCRIPTION = "客服智能体，需要专业、耐心、能解决常见问题"


@pytest.fixture
async def author(wide_stack: StackProcess) -> AsyncIterator[Person]:
    person = await register(wide_stack.url)
    async with person.client:
        yield person


def address(pid: int) -> str:
    """Where a service process listens, from its own environment."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(entry for entry in entries if entry.startswith(b"PROMPTSPHERE_LISTEN=")).decode().partition("=")[2]


async def slow_run(vendor: FakeProcess, author: Person, *, chunk_seconds: float = 0.05) -> str:
    requirement = await author.client.expect(200, "POST", "/api/v1/requirements", {"description": DESCRIPTION})
    vendor.script(Fault(FaultKind.SLOW, seconds=chunk_seconds), model="qwen-plus")
    body = {"kind": "generate", "input": {"requirement_id": requirement.body["id"]}}
    return str((await author.client.expect(202, "POST", "/api/v1/runs", body)).body["id"])


async def streamed(pid: int, author: Person, run_id: str) -> list[tuple[int, str, str]]:
    """What one generation process sends of a run, from the beginning."""
    metadata = (("authorization", f"Bearer {author.client.access_token}"),)
    async with grpc.aio.insecure_channel(address(pid)) as channel:
        stub = runs_pb2_grpc.RunsServiceStub(channel)
        stream = stub.StreamRun(runs_pb2.StreamRunRequest(id=run_id), metadata=metadata, timeout=40)
        return [(one.id, one.event, one.data_json) async for one in stream]


def owner_of(stack: StackProcess, run_id: str) -> int:
    (row,) = stack.rows("generation", "SELECT lease_owner FROM runs WHERE id = ?", run_id)
    return int(row["lease_owner"].split("-")[-2])


def data_of(frame: str) -> Json:
    data: Json = orjson.loads(frame.rstrip("\n").rpartition("\ndata: ")[2])
    return data


async def test_the_journey_works_and_each_process_has_a_part_in_it(
    wide_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    vendor.reset()
    owners = set()

    for number in range(6):
        run_id = await slow_run(vendor, author, chunk_seconds=0)
        frames = await author.replay(run_id)
        owners.add(owner_of(wide_stack, run_id))
        content = data_of(frames[-1])["run"]["result"]["content"]
        name = f"wide/{number}"
        made = await author.client.expect(201, "POST", "/api/v1/prompts", {"name": name, "from_run": run_id})
        labels = f"/api/v1/prompts/{made.body['id']}/labels/production"
        await author.client.expect(200, "PUT", labels, {"version": 1})
        delivered = await author.client.expect(200, "GET", f"/api/v1/delivery/{name}")
        assert delivered.body["content"] == content

    assert len(wide_stack.pids("api_gateway")) == len(wide_stack.pids("generation_service")) == 2
    assert owners == set(wide_stack.pids("generation_service"))


async def test_a_live_run_is_the_same_from_both_processes_and_both_gateways(
    wide_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    run_id = await slow_run(vendor, author)
    pids = wide_stack.pids("generation_service")

    direct = asyncio.gather(*(streamed(pid, author, run_id) for pid in pids))
    # Each reader has a connection of its own; the kernel spreads them over the gateways.
    readers = await asyncio.gather(*(author.replay(run_id) for _ in range(12)))
    one, other = await direct
    later = await author.replay(run_id)

    assert one == other
    assert [int(event_id(frame)) for frame in readers[0]] == [number for number, _, _ in one]
    assert sum(name == "delta" for _, name, _ in one) > 20
    assert all(reader == readers[0] for reader in readers)
    assert later == readers[0]


async def test_a_moved_label_is_seen_at_every_gateway_within_two_seconds(
    wide_stack: StackProcess, author: Person
) -> None:
    prompt = await author.prompt("one")
    path = f"/api/v1/prompts/{prompt['id']}"
    await author.client.expect(201, "POST", f"{path}/versions", {"content": "two"})
    await author.client.expect(200, "PUT", f"{path}/labels/production", {"version": 1})

    async def delivered() -> set[str]:
        """The contents that new connections get; enough of them to meet both gateways."""
        where, token = f"/api/v1/delivery/{prompt['name']}", author.client.access_token
        answers = await asyncio.gather(*(ask(wide_stack.url, "GET", where, token=token) for _ in range(12)))
        return {answer.body["content"] for answer in answers}

    assert await delivered() == {"one"}
    await author.client.expect(200, "PUT", f"{path}/labels/production", {"version": 2})
    async with asyncio.timeout(2):
        while True:
            if await delivered() == {"two"}:
                break


async def test_a_cancel_reaches_the_process_that_works(vendor: FakeProcess, author: Person) -> None:
    for _ in range(4):
        vendor.reset()
        run_id = await slow_run(vendor, author, chunk_seconds=0.5)
        await author.client.expect(202, "POST", f"/api/v1/runs/{run_id}/cancel")
        frames = await asyncio.wait_for(author.replay(run_id), 8)
        assert data_of(frames[-1])["run"]["state"] == "cancelled"
        await until(lambda: vendor.requests[-1].has_ended, seconds=3)


async def test_a_process_that_dies_is_replaced_and_its_run_ended_by_its_sibling_for_every_reader(
    wide_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    run_id = await slow_run(vendor, author, chunk_seconds=0.2)
    owner = owner_of(wide_stack, run_id)
    reading = [asyncio.create_task(author.replay(run_id)) for _ in range(8)]
    async with aclosing(author.frames(run_id)) as frames:
        async for frame in frames:
            if "event: delta" in frame:
                break

    os.kill(owner, signal.SIGKILL)
    seen = await asyncio.wait_for(asyncio.gather(*reading), 30)
    attempts = wide_stack.rows("generation", "SELECT * FROM attempts WHERE run_id = ?", run_id)
    ledger = wide_stack.rows("generation", "SELECT * FROM usage_ledger WHERE run_id = ?", run_id)
    await until(lambda: len(wide_stack.pids("generation_service")) == 2, seconds=10)

    for one in seen:
        assert sum("event: error" in frame for frame in one) == 1
        assert data_of(one[-1])["run"]["state"] == "interrupted"
        assert [int(event_id(frame)) for frame in one] == sorted({int(event_id(frame)) for frame in one})
    assert len(attempts) == len(ledger) == 1
    assert owner not in wide_stack.pids("generation_service")
