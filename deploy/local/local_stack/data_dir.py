"""The folder of a stack: private, locked by one launcher at a time, and where a running one is found."""

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from local_stack.refusal import Refusal

PRIVATE_UMASK = 0o077
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = ("auth.db*", "prompt.db*", "generation.db*", "stack.json*", "stack.lock", "demo.json", "secrets", "logs")
_CREDENTIAL_BYTES = 32
_LONGEST_TEMPORARY_PATH = 60
"""A socket's whole path has room for about 100 bytes."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """What `stack.json` says of a stack that is ready."""

    url: str
    pid: int
    engine: str


def prepare(data_dir: Path) -> None:
    """Make the folder and what lies in it, readable by its owner alone; what we left there in the open is closed.

    The mode of a folder that was there stays: it may be anything of the user's. What keeps others out of its files
    is their own mode, by the umask of all our processes.

    Raises:
        Refusal: it can't be made or written, belongs to or can be changed by others, or keeps nothing private.
    """
    os.umask(PRIVATE_UMASK)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(data_dir)
        for part in (data_dir / "secrets", data_dir / "logs"):
            part.mkdir(mode=0o700, exist_ok=True)
        _close_what_is_open(data_dir)
        _check_privacy(data_dir)
        credential = credential_file(data_dir)
        if not credential.exists():
            draft = credential.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(_CREDENTIAL_BYTES), encoding="ascii")
            draft.rename(credential)
    except OSError as error:
        raise Refusal(f"DATA_DIR={data_dir} can't be written ({error.strerror}); choose another one.") from error


def _check_owner(data_dir: Path) -> None:
    found = data_dir.stat()
    if found.st_uid != os.geteuid():
        raise Refusal(f"DATA_DIR={data_dir} belongs to another user, who could read all of it; choose one of your own.")
    others_write = found.st_mode & stat.S_IWOTH
    if others_write or (found.st_mode & stat.S_IWGRP and found.st_gid != os.getegid()):
        raise Refusal(
            f"Others may write in DATA_DIR={data_dir} and exchange its files; "
            f"`chmod go-w` it, or choose a folder of your own."
        )


def _close_what_is_open(data_dir: Path) -> None:
    """A version before us may have written it under the user's umask."""
    ours = [path for pattern in _OURS for path in data_dir.glob(pattern)]
    ours += [*(data_dir / "secrets").rglob("*"), *(data_dir / "logs").rglob("*")]
    for path in ours:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            path.chmod(stat.S_IMODE(mode) & ~_OTHERS)


def _check_privacy(data_dir: Path) -> None:
    """Where modes count for nothing (a Windows drive) or an ACL adds to them, say so before a secret lies there."""
    probe = data_dir / f".probe-{os.getpid()}"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        is_private = not probe.stat().st_mode & _OTHERS
    finally:
        probe.unlink()
    if not is_private:
        raise Refusal(
            f"Files in DATA_DIR={data_dir} can't be kept from other users (its file system or an ACL says so); "
            "choose a folder elsewhere."
        )


def database_file(data_dir: Path, name: str) -> Path:
    """Where the service `name` keeps its data on SQLite."""
    return data_dir / f"{name}.db"


def credential_file(data_dir: Path) -> Path:
    """Where the gateway's own credential lies; every service reads it too."""
    return data_dir / "secrets" / "gateway-credential"


@contextmanager
def held(data_dir: Path) -> Iterator[Path]:
    """Keep the folder for this process and give a short private path for sockets, removed at the end.

    The lock falls with the process, however that ends; what it left behind is cleared by the next one.

    Raises:
        Refusal: another launcher holds it.
    """
    lock = data_dir / "stack.lock"
    with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(
                f"Another stack is running on {data_dir}{_pid_in(file.read())}; stop it, "
                "or choose another DATA_DIR (and PORT)."
            ) from None
        _clear(file.read())
        withdraw(data_dir)
        sockets = _socket_folder()
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "sockets": str(sockets)}, file)
        file.flush()
        try:
            yield sockets
        finally:
            withdraw(data_dir)
            shutil.rmtree(sockets, ignore_errors=True)


def announce(data_dir: Path, stack: RunningStack) -> None:
    """Say in `stack.json` that this stack is ready."""
    draft = data_dir / "stack.json.draft"
    draft.write_text(json.dumps(asdict(stack)), encoding="utf-8")
    draft.rename(data_dir / "stack.json")


def find_running(data_dir: Path) -> RunningStack | None:
    """The stack that is ready on this folder, or None."""
    try:
        with (data_dir / "stack.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _announced(data_dir)
    return None  # nobody holds it: whatever stack.json says is of the past


def _announced(data_dir: Path) -> RunningStack | None:
    try:
        found = json.loads((data_dir / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # held, but not ready yet
    return RunningStack(url=found["url"], pid=found["pid"], engine=found["engine"])


def withdraw(data_dir: Path) -> None:
    """Take back what `announce` said."""
    (data_dir / "stack.json").unlink(missing_ok=True)


def _socket_folder() -> Path:
    base = tempfile.gettempdir()
    # It becomes part of gRPC targets and of Redis' URL and command line, where other characters mean something.
    is_plain = len(base) <= _LONGEST_TEMPORARY_PATH and re.fullmatch(r"[A-Za-z0-9/._-]+", base)
    return Path(tempfile.mkdtemp(prefix="ps-", dir=base if is_plain else "/tmp"))  # noqa: S108 - mkdtemp makes a private folder there


def _left_behind(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}  # the launcher before us was killed while it wrote
    return found if isinstance(found, dict) else {}


def _pid_in(text: str) -> str:
    pid = _left_behind(text).get("pid")
    return f" (process {pid})" if pid else ""


def _clear(text: str) -> None:
    sockets = _left_behind(text).get("sockets")
    if isinstance(sockets, str) and Path(sockets).name.startswith("ps-"):
        shutil.rmtree(sockets, ignore_errors=True)
