"""What becomes of recorded answers of a model: the run, what it streamed, and what the vendor was asked."""

import asyncio
from itertools import groupby

from vendor_fakes.dashscope.answers.recorded import Recorded
from vendor_fakes.dashscope.process import FakeProcess

from golden.corpus import Recording, recordings
from golden.rules_cases import LAYOUTS
from golden.visitor import Case, Json, Visitor, all_of

# What the vendor's log holds beside the request itself, and what differs each time.
_KEPT = ("model", "is_stream", "status", "error_code", "completion_tokens", "is_finished", "body")


async def recorded(visitor: Visitor, fake: FakeProcess) -> list[Case]:
    """All recordings; those of one description one after the other, since the fake knows them by it."""
    ordered = sorted(recordings(), key=lambda one: (one.description, one.id))
    groups = [list(group) for _, group in groupby(ordered, key=lambda one: one.description)]
    return await all_of(*(_of_one_description(visitor, fake, group) for group in groups))


async def offered(visitor: Visitor) -> list[Case]:
    """The models, and the engine without one on a stack that has some."""
    models, engine = Case("models/dashscope"), Case("model-engine/rules")
    await visitor.tell(models, "GET", "/api/v1/models")
    for one in recordings()[:1]:
        body = {"kind": "generate", "engine": "rules", "input": {"description": one.description}}
        await visitor.run(engine, "/api/v1/runs", body)
    return [models, engine]


async def _of_one_description(visitor: Visitor, fake: FakeProcess, group: list[Recording]) -> list[Case]:
    cases, seen = [], 0
    for number, one in enumerate(group):
        # A model of which no second answer is known insists on its first.
        again = one.write if one.rewrite is None else one.rewrite
        answers = Recorded(one.description, parse=one.parse_text, write=one.write, rewrite=again)
        await asyncio.to_thread(fake.remember, answers)
        case = Case(f"model/{one.id}")
        heard = await visitor.tell(case, "POST", "/api/v1/requirements", {"description": one.description})
        source = {"requirement_id": heard.body["id"]}
        layout = LAYOUTS[number % len(LAYOUTS)]
        await visitor.run(case, "/api/v1/runs", {"kind": "generate", "input": source | {"layout": layout}})
        requests = await asyncio.to_thread(_requests, fake, one.description)
        case.note("what the vendor was asked", requests[seen:])
        seen = len(requests)
        cases.append(case)
    return cases


def _requests(fake: FakeProcess, description: str) -> list[Json]:
    return [
        {name: getattr(request, name) for name in _KEPT}
        for request in fake.requests
        if request.described == description
    ]
