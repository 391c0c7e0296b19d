"""The pytest plugin of the kit: `database_url`, `mariadb_server`, `redis_url`, and what ran where."""

import os
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from servicekit.testing.mariadb import MariadbServer

MYSQL_URL_VARIABLE = "PROMPTSPHERE_TEST_MYSQL_URL"
_KINDS = ("sqlite", "mysql")
_PROPERTY = "database"
_SERVER_VERSION: pytest.StashKey[str] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--database`, to run on one of the two only while working."""
    parser.addoption(
        "--database",
        choices=("both", *_KINDS),
        default="both",
        help="run database tests on both (the default), or only on sqlite or mysql (MariaDB)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `database_url` on SQLite and on MariaDB."""
    if "database_url" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--database")
        kinds = [kind for kind in _KINDS if chosen in {"both", kind}]
        metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture(scope="session")
def mariadb_server(request: pytest.FixtureRequest) -> Iterator["MariadbServer"]:
    """A private MariaDB for this session, or the server that PROMPTSPHERE_TEST_MYSQL_URL names."""
    from servicekit.testing.mariadb import named_server, running_mariadb

    named = os.environ.get(MYSQL_URL_VARIABLE)
    if named:
        server = named_server(named)
        request.config.stash[_SERVER_VERSION] = server.version
        yield server
        return
    with running_mariadb() as server:
        request.config.stash[_SERVER_VERSION] = server.version
        yield server


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty schema of this test's own: once on SQLite, once on MariaDB.

    Queries that forget the workspace fail (see `servicekit.testing.workspace_guard`).
    """
    from servicekit.testing.workspace_guard import guarded

    with guarded():
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path / 'test.db'}"
            return
        server: MariadbServer = request.getfixturevalue("mariadb_server")
        schema = f"test_{uuid.uuid4().hex}"
        server.execute(f"CREATE DATABASE {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        try:
            yield server.url(schema)
        finally:
            server.execute(f"DROP DATABASE {schema}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a private real Redis for this session."""
    from servicekit.testing.private_redis import running_redis

    with running_redis() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of a private real Redis, empty when the test begins."""
    from servicekit.testing.private_redis import empty_redis

    empty_redis(redis_server)
    return redis_server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the report which database a test ran on; a report travels from a worker of xdist, a stash doesn't."""
    report = yield
    callspec = getattr(item, "callspec", None)
    if call.when == "call" and callspec is not None:
        kinds = [kind for kind in callspec.params.values() if isinstance(kind, str) and kind in _KINDS]
        version = item.config.stash.get(_SERVER_VERSION, "")
        report.user_properties += [(_PROPERTY, f"{kind} {version}") for kind in kinds]
    return report


class _Tally:
    """Counts the tests that ran on each database."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self.version = "not started"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one report."""
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "call":
                kind, _, version = str(value).partition(" ")
                self.ran[kind] += 1
                self.version = version or self.version

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many tests ran on each database, so that none is left out unseen."""
        if not self.ran:
            return
        terminalreporter.write_sep("-", "databases")
        terminalreporter.write_line(f"SQLite: {self.ran['sqlite']} tests")
        terminalreporter.write_line(f"MariaDB or MySQL ({self.version}): {self.ran['mysql']} tests")


def pytest_configure(config: pytest.Config) -> None:
    """Count where the reports end up: in the one process that prints them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Tally(), "servicekit-databases")
