"""The journey with a model behind it, and everything that a provider may do to us: one honest end, the ledger right."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from local_stack.demo.client import Client, Json
from local_stack.testing import Person, StackProcess
from vendor_fakes.dashscope import Fault, RequestRecord
from vendor_fakes.dashscope.faults import FaultKind
from vendor_fakes.dashscope.process import FakeProcess

SENTENCES = (
    ("客服智能体，需要专业、耐心、能解决常见问题", "zh"),
    ("an agent that writes API docs", "en"),
)
WRITER = "qwen-plus"
READER = "qwen-flash"
END_SECONDS = 90
REFUSED_LATE = {FaultKind.ERROR_IN_STREAM, FaultKind.ERROR_IN_BODY}
"""An error under status 200: no work was done, nothing is billed."""


@dataclass(frozen=True, slots=True)
class Books:
    """What stands in the database for some runs, oldest attempt first."""

    attempts: list[Json]
    ledger: list[Json]

    @classmethod
    def of(cls, stack: StackProcess, *run_ids: str) -> "Books":
        def found(statement: str) -> list[Json]:
            return [row for run_id in run_ids for row in stack.rows("generation", statement, run_id)]

        return cls(
            found("SELECT * FROM attempts WHERE run_id = ? ORDER BY id"),
            found("SELECT * FROM usage_ledger WHERE run_id = ? ORDER BY attempt_id"),
        )

    def agree_with(self, requests: Sequence[RequestRecord]) -> None:
        """One row for each request that the vendor saw; its tokens where it told them, our estimate elsewhere."""
        assert [one["attempt_id"] for one in self.ledger] == [one["id"] for one in self.attempts]
        seen = {request.request_id: request for request in requests}
        unnamed = [request for request in requests if not request.status]
        assert len(self.attempts) == len(requests)
        for attempt, row in zip(self.attempts, self.ledger, strict=True):
            # A reply without headers has no request id.
            request = seen[attempt["upstream_request_id"]] if attempt["upstream_request_id"] else unnamed.pop(0)
            assert attempt["state"] != "started"
            assert attempt["model"] == row["model"] == request.model
            tokens = (row["input_tokens"], row["output_tokens"])
            if row["is_estimated"]:
                assert row["input_tokens"] > 0
                assert attempt["state"] != "succeeded" or not request.is_usage_sent
            elif request.error_code is not None or (request.fault in REFUSED_LATE and tokens == (0, 0)):
                assert tokens == (0, 0)
            else:
                assert tokens == (request.prompt_tokens, request.completion_tokens)
                assert request.is_usage_sent


async def understood(author: Person, sentence: str = SENTENCES[0][0]) -> str:
    answer = await author.client.expect(200, "POST", "/api/v1/requirements", {"description": sentence})
    return str(answer.body["id"])


async def start(author: Person, requirement_id: str, *, model: str = WRITER) -> str:
    body = {"kind": "generate", "model": model, "input": {"requirement_id": requirement_id, "max_tokens": 20_000}}
    return str((await author.client.expect(202, "POST", "/api/v1/runs", body)).body["id"])


async def ended(author: Person, run_id: str) -> tuple[str, Json]:
    """How the run's one end event is called, and the run in it, which is also what a GET says."""
    async with asyncio.timeout(END_SECONDS):
        events = [event async for event in author.client.events(run_id)]
    assert [event.name in {"done", "error"} for event in events] == [False] * (len(events) - 1) + [True]
    run: Json = events[-1].data["run"]
    assert (await author.client.expect(200, "GET", f"/api/v1/runs/{run_id}")).body == run
    assert await author.replay(run_id) == await author.replay(run_id)
    return events[-1].name, run


@pytest.mark.parametrize(("sentence", "language"), SENTENCES)
async def test_a_sentence_becomes_a_served_prompt_with_at_most_three_model_calls(
    model_stack: StackProcess, vendor: FakeProcess, author: Person, sentence: str, language: str
) -> None:
    client, name = author.client, f"models/{secrets.token_hex(4)}"

    requirement = (await client.expect(200, "POST", "/api/v1/requirements", {"description": sentence})).body
    run_id = await start(author, requirement["id"])
    events = [event async for event in client.events(run_id)]
    content = "".join(event.data["text"] for event in events if event.name == "delta")
    assessment = (await client.expect(202, "POST", "/api/v1/assessments", {"content": content})).body
    _, assessed = await ended(author, assessment["id"])
    made = (await client.expect(201, "POST", "/api/v1/prompts", {"name": name, "from_run": run_id})).body
    await client.expect(200, "PUT", f"/api/v1/prompts/{made['id']}/labels/production", {"version": 1})
    async with Client(client.url, language="en") as application:
        application.access_token = await author.api_key("deliver")
        delivered = (await application.expect(200, "GET", f"/api/v1/delivery/{name}")).body

    assert (requirement["engine"], requirement["language"]) == ("dashscope", language)
    assert not requirement["form"]["fallback"]
    assert events[0].data["model"] == WRITER
    assert sum(event.name == "delta" for event in events) > 10
    assert events[-1].data["run"]["result"]["trace"]
    assert assessed["result"]["overall"] >= 40
    assert delivered["content"] == content
    assert len(vendor.requests) <= 3
    assert [request.is_stream for request in vendor.requests] == [False, True]
    Books.of(model_stack, requirement["id"], run_id, assessment["id"]).agree_with(vendor.requests)


@dataclass(frozen=True, slots=True)
class Case:
    """A provider's misdeed, and what an honest run makes of it."""

    name: str
    fault: Fault
    code: str | None
    attempts: int = 1
    is_estimated: bool = True

    @property
    def state(self) -> str:
        return "succeeded" if self.code is None else "failed"


def fault(kind: str, **more: Any) -> Fault:
    return Fault(FaultKind(kind), **more)


CASES = (
    Case("cut", fault("cut"), "model_stream_cut"),
    Case("cut-before-text", fault("cut", after_chunks=0), "model_stream_cut"),
    Case("cut-in-a-frame", fault("cut", at_byte=1000), "model_stream_cut"),
    Case("bare-end", fault("clean_end"), "model_stream_cut"),
    Case("reset", fault("reset"), "model_stream_cut"),
    Case("reset-before-headers", fault("reset_before_headers"), "model_unavailable"),
    Case("no-finish-reason", fault("no_finish_reason"), "model_stream_cut", is_estimated=False),
    Case("malformed-sse", fault("malformed_sse"), "model_protocol_error"),
    Case("bad-utf8", fault("bad_utf8"), "model_protocol_error"),
    Case("html", fault("html"), "model_protocol_error"),
    Case("long-line", fault("long_line"), "model_protocol_error"),
    Case("finish-thrice", fault("finish_thrice"), "model_protocol_error"),
    Case("hang-before-headers", fault("hang_before_headers"), "model_timeout"),
    Case("hang-mid-stream", fault("hang_mid_stream"), "model_timeout"),
    Case("500", fault("error", error="internal_error"), "model_unavailable", attempts=2, is_estimated=False),
    Case("503", fault("error", error="model_serving"), "model_unavailable", attempts=2, is_estimated=False),
    Case("bad-key", fault("error", error="invalid_api_key"), "model_auth_failed", is_estimated=False),
    Case("arrears", fault("error", error="arrears"), "model_arrears", is_estimated=False),
    Case("inspection", fault("error", error="data_inspection"), "model_rejected_input", is_estimated=False),
    Case("error-in-stream", fault("error_in_stream"), "model_rate_limited"),
    Case("length", fault("answer", finish_reason="length"), "model_output_truncated", is_estimated=False),
    Case("usage-missing", fault("usage_missing"), None),
    Case("usage-twice", fault("usage_twice"), None, is_estimated=False),
    Case("finish-twice", fault("finish_twice"), None, is_estimated=False),
    Case("labelled-as-json", fault("sse_labelled_json"), None, is_estimated=False),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_providers_fault_gives_one_honest_end_and_a_right_ledger(
    model_stack: StackProcess, vendor: FakeProcess, author: Person, case: Case
) -> None:
    requirement_id = await understood(author)
    vendor.script(*[case.fault] * case.attempts, model=WRITER)

    run_id = await start(author, requirement_id)
    end, run = await ended(author, run_id)
    after = await start(author, requirement_id)
    _, good = await ended(author, after)

    assert (end, run["state"]) == ("done" if case.code is None else "error", case.state)
    assert (run["error"] or {}).get("code") == case.code
    assert run["error"] is None or run["error"]["title"] != "Internal error"
    assert [attempt["number"] for attempt in Books.of(model_stack, run_id).attempts] == [*range(1, case.attempts + 1)]
    assert run["usage"]["estimated"] == case.is_estimated
    assert good["state"] == "succeeded"
    Books.of(model_stack, requirement_id, run_id, after).agree_with(vendor.requests)


async def test_a_fault_that_passes_is_not_seen(model_stack: StackProcess, vendor: FakeProcess, author: Person) -> None:
    requirement_id = await understood(author)
    vendor.script(fault("error_in_stream", error="system_error", after_chunks=0), model=WRITER)

    run_id = await start(author, requirement_id)
    _, run = await ended(author, run_id)
    books = Books.of(model_stack, run_id)

    assert run["state"] == "succeeded"
    assert [(attempt["number"], attempt["state"]) for attempt in books.attempts] == [(1, "failed"), (2, "succeeded")]
    Books.of(model_stack, requirement_id, run_id).agree_with(vendor.requests)


LIMITS = (
    # Each with a model of its own, so that all can wait at once.
    ("throttling", "qwen-flash", "model_rate_limited", 2),
    ("rate_quota", "qwen-plus", "model_rate_limited", 2),
    ("burst_rate", "qwen3-max", "model_rate_limited", 2),
    ("allocation_quota", "qwen3.6-flash", "model_quota_exhausted", 2),
    ("limit_requests", "qwen3.7-plus", "model_rate_limited", 2),
    ("not_purchased", "qwen3.7-max", "model_arrears", 1),
)


async def test_each_kind_of_429_is_tried_as_often_as_it_may_help(
    model_stack: StackProcess, vendor: FakeProcess, author: Person
) -> None:
    requirement_id = await understood(author)
    for error, model, _, _ in LIMITS:
        vendor.always(fault("error", error=error), model=model)

    run_ids = [await start(author, requirement_id, model=model) for _, model, _, _ in LIMITS]
    runs = [run for _, run in await asyncio.gather(*(ended(author, run_id) for run_id in run_ids))]

    for (error, model, code, attempts), run in zip(LIMITS, runs, strict=True):
        requests = [one for one in vendor.requests if one.model == model and one.status == 429]
        assert (error, run["error"]["code"], len(requests)) == (error, code, attempts)
        Books.of(model_stack, run["id"]).agree_with(requests)


PARSE_FAULTS = (
    (fault("cut"), 1),
    (fault("malformed_sse"), 1),
    (fault("bad_utf8"), 1),
    (fault("html"), 1),
    (fault("hang_before_headers"), 1),
    (fault("hang_mid_stream"), 1),
    (fault("error", error="internal_error"), 2),
    (fault("error", error="rate_quota"), 2),
    (fault("error_in_body", error="invalid_api_key"), 1),
    (fault("no_finish_reason"), 1),
    (fault("answer", content="I am sorry, I can't do that."), 2),
)


@pytest.mark.parametrize(("strike", "calls"), PARSE_FAULTS, ids=lambda value: str(getattr(value, "kind", value)))
async def test_a_parse_without_its_model_is_made_by_rules_and_says_so(
    model_stack: StackProcess, vendor: FakeProcess, author: Person, strike: Fault, calls: int
) -> None:
    vendor.script(*[strike] * calls, model=READER)

    answer = await author.client.expect(200, "POST", "/api/v1/requirements", {"description": SENTENCES[0][0]})
    again = await author.client.expect(200, "POST", "/api/v1/requirements", {"description": SENTENCES[0][0]})

    assert (answer.body["engine"], answer.body["form"]["fallback"]) == ("rules", True)
    assert answer.body["requirements"]
    assert (again.body["engine"], again.body["form"]["fallback"]) == ("dashscope", False)
    assert len(vendor.requests) == calls + 1
    Books.of(model_stack, answer.body["id"], again.body["id"]).agree_with(vendor.requests)
