import os
from pathlib import Path

import pytest
from local_stack import data_dir as folder
from local_stack.refusal import Refusal


def test_it_is_private_and_the_credential_stays(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"

    folder.prepare(data_dir)
    credential = folder.credential_file(data_dir)
    first = credential.read_text()
    folder.prepare(data_dir)

    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert credential.stat().st_mode & 0o777 == 0o600
    assert len(first) == 64
    assert credential.read_text() == first


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refusal, match="choose another one"):
        folder.prepare(tmp_path / "file" / "data")


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        folder.held(tmp_path),
        pytest.raises(Refusal, match=f"process {os.getpid()}"),
        folder.held(tmp_path),
    ):
        pass


def test_sockets_lie_on_a_short_private_path_that_goes_away(tmp_path: Path) -> None:
    with folder.held(tmp_path) as sockets:
        assert len(str(sockets)) < 80
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


def test_what_a_killed_holder_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "ps-left"
    left.mkdir()
    (tmp_path / "stack.lock").write_text(f'{{"pid": 1, "sockets": "{left}"}}')
    (tmp_path / "stack.json").write_text("{}")

    with folder.held(tmp_path):
        assert not left.exists()
        assert folder.find_running(tmp_path) is None


def test_a_running_stack_is_found_while_it_is_held(tmp_path: Path) -> None:
    stack = folder.RunningStack(url="http://127.0.0.1:1", pid=os.getpid(), engine="rules")

    assert folder.find_running(tmp_path) is None
    with folder.held(tmp_path):
        assert folder.find_running(tmp_path) is None
        folder.announce(tmp_path, stack)
        assert folder.find_running(tmp_path) == stack
    assert folder.find_running(tmp_path) is None
