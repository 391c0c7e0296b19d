import os
import re
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


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o700])
def test_a_folder_that_was_there_keeps_its_mode_and_its_files_are_private(tmp_path: Path, mode: int) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(mode)
    (data_dir / "auth.db").touch(mode=0o644)
    (data_dir / "mine.db").touch()
    (data_dir / "mine.db").chmod(0o644)

    folder.prepare(data_dir)
    (data_dir / "prompt.db").touch()

    assert data_dir.stat().st_mode & 0o777 == mode
    ours = [path for path in data_dir.rglob("*") if path.name != "mine.db"]
    assert [path for path in ours if path.stat().st_mode & 0o077] == []
    assert (data_dir / "mine.db").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757, 0o722])
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(mode)

    with pytest.raises(Refusal, match="chmod go-w"):
        folder.prepare(data_dir)

    assert list(data_dir.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(("uid", "gid", "mode"), [(12345, 0, 0o700), (0, 12345, 0o770)])
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, uid: int, gid: int, mode: int) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    os.chown(data_dir, uid, gid)
    data_dir.chmod(mode)

    with pytest.raises(Refusal, match="DATA_DIR="):
        folder.prepare(data_dir)

    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize("name", ["a?b", "%41", "a#b", "中文", 'it\'s "it"', "x" * 90])
def test_sockets_lie_on_a_plain_path_whatever_the_temporary_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))

    with folder.held(tmp_path) as sockets:
        assert re.fullmatch(r"[A-Za-z0-9/._-]+", str(sockets))
