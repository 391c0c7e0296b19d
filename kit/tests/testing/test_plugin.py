import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from servicekit.testing import mariadb
from servicekit.testing.private_redis import empty_redis

A_TEST = """
def test_it_runs(database_url):
    assert database_url
"""

ORPHAN = """
import pathlib, subprocess, time
from servicekit.testing.processes import tied_to_us
child = subprocess.Popen(tied_to_us(["sleep", "120"]), start_new_session=True)
while pathlib.Path(f"/proc/{child.pid}/comm").read_text() != "sleep\\n":
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(120)
"""


def test_the_summary_says_what_ran_where(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(A_TEST)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--database", "sqlite", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout
    assert "SQLite: 1 tests" in ran.stdout
    assert "MariaDB or MySQL (not started): 0 tests" in ran.stdout


def test_a_missing_server_is_a_failure_that_says_how_to_install_it() -> None:
    with pytest.raises(FileNotFoundError, match="apt-get install mariadb-server"):
        mariadb._program("mariadbd-that-is-not-there")


@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is only signalled on Linux")
def test_servers_die_with_a_test_run_that_was_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    descriptor = os.pidfd_open(child)

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    # The descriptor of a process is readable when that has ended.
    readable, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    assert readable


def test_redis_is_empty_at_the_start_of_a_test(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("left", "over")
        empty_redis(redis_url)
        assert client.dbsize() == 0
