"""Both stacks, and every case that is driven through them."""

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_stack.testing import running_stack
from vendor_fakes.dashscope.process import FakeProcess, running_process

from golden.answered_runs import answered_runs
from golden.auth_flows import auth_flows
from golden.bad_requests import bad_requests
from golden.comparing import Documents, documents_of
from golden.model_cases import offered, recorded
from golden.prompt_flows import prompt_flows
from golden.rules_cases import Desks, described, judged
from golden.surface_cases import surface
from golden.visitor import Case, all_of, at_door

# As many requests as the run likes, all from one address, and no haste where a machine is busy.
SETTINGS = {
    "PROMPTSPHERE_RATE_PER_SECOND": "100000",
    "PROMPTSPHERE_RATE_BURST": "100000",
    "PROMPTSPHERE_SIGN_IN_RATE_PER_SECOND": "1000",
    "PROMPTSPHERE_SIGN_IN_BURST": "1000",
    "PROMPTSPHERE_REFRESH_RATE_PER_SECOND": "1000",
    "PROMPTSPHERE_REFRESH_BURST": "1000",
    "PROMPTSPHERE_LOG_LEVEL": "WARNING",
    "PROMPTSPHERE_MAX_QUEUED_RUNS": "1000",
    "PROMPTSPHERE_MODEL_STRUCTURED_SECONDS": "120",
    "PROMPTSPHERE_MODEL_FIRST_BYTE_SECONDS": "120",
}
MODEL_SETTINGS = {"ENGINE": "dashscope", "DASHSCOPE_API_KEY": "sk-test-golden"}


@dataclass(frozen=True, slots=True)
class Stacks:
    """Where the two gateways are, and the vendor behind one of them."""

    rules_url: str
    model_url: str
    fake: FakeProcess


def run_stacks() -> Documents:
    """The documents of all cases, from stacks that are fresh and gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as stacks:
        return documents_of(asyncio.run(_cases(stacks)))


@contextmanager
def _running(folder: Path) -> Iterator[Stacks]:
    rules, model = folder / "rules", folder / "model"
    rules.mkdir()
    model.mkdir()
    with running_process() as fake, ExitStack() as running, ThreadPoolExecutor(2) as starters:
        settings = SETTINGS | MODEL_SETTINGS | {"DASHSCOPE_BASE_URL": fake.base_url}
        starting = [
            starters.submit(running.enter_context, running_stack(rules, **SETTINGS)),
            starters.submit(running.enter_context, running_stack(model, **settings)),
        ]
        with_rules, with_models = (one.result() for one in starting)
        yield Stacks(with_rules.url, with_models.url, fake)


async def _cases(stacks: Stacks) -> list[Case]:
    async with at_door(stacks.rules_url) as door, at_door(stacks.model_url) as model_door:
        person, author = await door.registered("person"), await model_door.registered("author")
        desks = Desks(person, await model_door.registered("person"))
        return await all_of(
            recorded(author, stacks.fake),
            offered(author),
            bad_requests(door),
            auth_flows(door),
            prompt_flows(door),
            surface(door, person),
            answered_runs(person),
            described(desks),
            judged(desks),
        )
