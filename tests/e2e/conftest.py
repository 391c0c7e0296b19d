"""Stacks of real processes on both databases, and people who use them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest
from local_stack.testing import SCHEMAS, Person, StackProcess, register, running_stack
from vendor_fakes.dashscope.process import FakeProcess, running_process

if TYPE_CHECKING:
    from servicekit.testing.mariadb import MariadbServer

# Short waits where a provider hangs, an event for each chunk of it, and as many requests as a test likes.
MODEL_SETTINGS = {
    "ENGINE": "dashscope",
    "DASHSCOPE_API_KEY": "sk-test-e2e",
    "PROMPTSPHERE_MODEL_CONNECT_SECONDS": "0.5",
    "PROMPTSPHERE_MODEL_FIRST_BYTE_SECONDS": "1",
    "PROMPTSPHERE_MODEL_IDLE_SECONDS": "1",
    "PROMPTSPHERE_MODEL_STRUCTURED_SECONDS": "5",
    "PROMPTSPHERE_RUN_LEASE_SECONDS": "4",
    "PROMPTSPHERE_RUN_WINDOW_SECONDS": "0",
    "PROMPTSPHERE_DRAIN_SECONDS": "1",
    "PROMPTSPHERE_RATE_PER_SECOND": "1000",
    "PROMPTSPHERE_RATE_BURST": "2000",
}
# A company's variables, which lead to where nothing is: what obeyed them would not come up.
PROXIES = {
    spelling: "http://127.0.0.1:9"
    for name in ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
    for spelling in (name, name.upper())
}
# All people here sign in from one address.
SETTINGS = {"PROMPTSPHERE_SIGN_IN_RATE_PER_SECOND": "200", "PROMPTSPHERE_SIGN_IN_BURST": "1000"}
STACKS = {"stack": ("sqlite", "mysql"), "model_stack": ("sqlite", "mysql"), "wide_stack": ("mysql",)}
"""The fixtures that are stacks, and the databases that each runs on."""


class NewPerson(Protocol):
    """Registers one more person."""

    async def __call__(self) -> Person: ...


class Stacks:
    """One stack at a time, since the names of its schemas are fixed; kept while the tests ask for the same."""

    def __init__(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        self._tmp_path_factory = tmp_path_factory
        self._name = ""
        self._running: StackProcess | None = None
        self._exits = ExitStack()

    def use(self, request: pytest.FixtureRequest, **settings: str) -> StackProcess:
        """The stack that this fixture stands for, on the database of its parameter."""
        name = f"{request.fixturename}-{request.param}"
        if self._running is None or self._name != name or self._running.launcher.poll() is not None:
            self.close()
            environment = SETTINGS | settings | self._database(request)
            self._name = name
            self._running = self._exits.enter_context(running_stack(self._tmp_path_factory.mktemp(name), **environment))
        return self._running

    def close(self) -> None:
        """Stop the one that runs."""
        self._running = None
        self._exits.close()

    def _database(self, request: pytest.FixtureRequest) -> dict[str, str]:
        if request.param == "sqlite":
            return {}
        server: MariadbServer = request.getfixturevalue("mariadb_server")
        for schema in SCHEMAS:
            server.execute(f"DROP DATABASE IF EXISTS {schema}")
        return {"MYSQL_URL": server.url("").rstrip("/")}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a stack runs on each of its databases."""
    chosen = metafunc.config.getoption("--database")
    for name in STACKS.keys() & set(metafunc.fixturenames):
        kinds = [kind for kind in STACKS[name] if chosen in {"both", kind}]
        metafunc.parametrize(name, kinds, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs whole stacks, and put together what shares one."""
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=_stack_of)


def _stack_of(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    if callspec is None:
        return ""
    return " ".join(f"{name} {callspec.params[name]}" for name in STACKS if name in callspec.params)


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """What starts and stops them."""
    started = Stacks(tmp_path_factory)
    yield started
    started.close()


@pytest.fixture
def stack(request: pytest.FixtureRequest, stacks: Stacks) -> StackProcess:
    """A stack with the rules engine."""
    return stacks.use(request)


@pytest.fixture
def wide_stack(request: pytest.FixtureRequest, stacks: Stacks, vendor_process: FakeProcess) -> StackProcess:
    """A stack with two gateways and two generation-services, whose models are the fake's."""
    settings = MODEL_SETTINGS | PROXIES
    return stacks.use(request, **settings, DASHSCOPE_BASE_URL=vendor_process.base_url, WORKERS="2")


@pytest.fixture
def model_stack(request: pytest.FixtureRequest, stacks: Stacks, vendor_process: FakeProcess) -> StackProcess:
    """A stack whose models are the fake's."""
    return stacks.use(request, **MODEL_SETTINGS, DASHSCOPE_BASE_URL=vendor_process.base_url)


@pytest.fixture(scope="session")
def vendor_process() -> Iterator[FakeProcess]:
    """A fake DashScope, for all stacks with models."""
    with running_process() as fake:
        yield fake


@pytest.fixture
def vendor(vendor_process: FakeProcess) -> FakeProcess:
    """The fake with an empty log and no script."""
    vendor_process.reset()
    return vendor_process


@pytest.fixture
async def new_person(stack: StackProcess) -> AsyncIterator[NewPerson]:
    """Registers people on the stack with rules."""
    async with AsyncExitStack() as people:

        async def make() -> Person:
            person = await register(stack.url)
            await people.enter_async_context(person.client)
            return person

        yield make


@pytest.fixture
async def person(new_person: NewPerson) -> Person:
    """A new person on the stack with rules."""
    return await new_person()


@pytest.fixture
async def author(model_stack: StackProcess) -> AsyncIterator[Person]:
    """A new person on the stack with models."""
    person = await register(model_stack.url)
    async with person.client:
        yield person
