"""What the launcher reads from its environment, checked before anything starts."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from local_stack.refusal import Refusal

ENGINES = ("rules", "dashscope")
VARIABLES = (
    "PORT",
    "HOST",
    "DATA_DIR",
    "ENGINE",
    "DASHSCOPE_API_KEY",
    "DASHSCOPE_API_KEY_FILE",
    "DASHSCOPE_BASE_URL",
    "MYSQL_URL",
    "REDIS_URL",
    "WORKERS",
    "METRICS_PORT",
)


@dataclass(frozen=True, slots=True)
class MysqlAccount:
    """Where MySQL is and as whom; one account serves all three schemas."""

    user: str
    password: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How to run one stack.

    Attributes:
        port: the gateway's port; 0 takes any free one.
        host: the address it binds.
        data_dir: absolute; all that must survive lies here.
        engine: `rules` or `dashscope`.
        mysql: None for SQLite in `data_dir`.
        redis_url: empty for an embedded one.
        workers: gateway and generation-service processes.
        metrics_port: the gateway's; the services take the next ones; 0: any free ones.
    """

    port: int
    host: str
    data_dir: Path
    engine: str
    dashscope_api_key: str
    dashscope_base_url: str
    mysql: MysqlAccount | None
    redis_url: str
    workers: int
    metrics_port: int


def read_settings(environment: Mapping[str, str]) -> StackSettings:
    """Settings from the variables of `VARIABLES`; an empty one counts as not set.

    Raises:
        Refusal: a value is wrong, or two don't go together.
    """
    given = {name: environment.get(name, "").strip() for name in VARIABLES}
    workers = _integer(given, "WORKERS", default=1, least=1, most=64)
    mysql = _mysql(given["MYSQL_URL"])
    if workers > 1 and mysql is None:
        raise Refusal(
            "WORKERS above 1 needs MYSQL_URL: SQLite lets one process write. "
            "Set MYSQL_URL=mysql://user:password@host:port or WORKERS=1."
        )
    key = _key(given["DASHSCOPE_API_KEY"], given["DASHSCOPE_API_KEY_FILE"])
    return StackSettings(
        port=_integer(given, "PORT", default=8000, least=0, most=65535),
        host=given["HOST"] or "127.0.0.1",
        data_dir=_data_dir(given["DATA_DIR"] or ".promptsphere"),
        engine=_engine(given["ENGINE"], has_key=bool(key)),
        dashscope_api_key=key,
        dashscope_base_url=_provider(given["DASHSCOPE_BASE_URL"]),
        mysql=mysql,
        redis_url=_redis_url(given["REDIS_URL"]),
        workers=workers,
        metrics_port=_integer(given, "METRICS_PORT", default=0, least=0, most=65535 - 3),
    )


def _integer(given: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = given[name]
    if not text:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise Refusal(f"{name}={text} is not a whole number from {least} to {most}.")
    return int(text)


def _engine(text: str, *, has_key: bool) -> str:
    if not text:
        return "dashscope" if has_key else "rules"
    if text not in ENGINES:
        raise Refusal(f"ENGINE={text} is not known; take one of {', '.join(ENGINES)}.")
    if text == "dashscope" and not has_key:
        raise Refusal(
            "ENGINE=dashscope needs DASHSCOPE_API_KEY or DASHSCOPE_API_KEY_FILE; set one, or take ENGINE=rules."
        )
    return text


def _data_dir(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("DATA_DIR (or the folder that it lies in) has a name that isn't UTF-8; rename it.") from None
    return path


def _key(text: str, file: str) -> str:
    """The model key: an argument of make would be on every user's `ps`, so a file is a way, too."""
    if not file:
        return text
    if text:
        raise Refusal("Set DASHSCOPE_API_KEY or DASHSCOPE_API_KEY_FILE, not both.")
    try:
        key = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refusal(f"DASHSCOPE_API_KEY_FILE={file} can't be read ({error.strerror}); name the key's file.") from None
    except UnicodeDecodeError:
        key = ""
    if not key or any(character.isspace() for character in key):
        raise Refusal(f"DASHSCOPE_API_KEY_FILE={file} must hold the key, in one line, and nothing else.")
    return key


def _provider(text: str) -> str:
    """The base URL, as generation-service will take it; empty for its own default."""
    if not text:
        return text
    wanted = "DASHSCOPE_BASE_URL must look like https://host/path"
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise Refusal(f"{wanted}; this one can't be read.") from None
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise Refusal(f"{wanted}.")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise Refusal(
            f"DASHSCOPE_BASE_URL leads to {url.hostname} by plain http: key and prompts would cross the network for "
            "all to read. Use https, or a tunnel to it "
            f"(ssh -L {url.port or 80}:localhost:{url.port or 80} {url.hostname}) and http://127.0.0.1."
        )
    return text


def is_loopback(host: str) -> bool:
    """True when only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mysql(text: str) -> MysqlAccount | None:
    if not text:
        return None
    wanted = "MYSQL_URL must look like mysql://user:password@host:port"
    try:
        url = urlsplit(text)
        port = url.port or 3306
    except ValueError:
        raise Refusal(f"{wanted}; its port is not a number.") from None
    if url.scheme != "mysql" or not url.hostname or not url.username:
        raise Refusal(f"{wanted}.")
    if url.path.strip("/") or url.query:
        raise Refusal(f"{wanted}, without a schema: each service has its own, and their names are fixed.")
    return MysqlAccount(user=unquote(url.username), password=unquote(url.password or ""), host=url.hostname, port=port)


def _redis_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"redis", "rediss", "unix"}:
        raise Refusal("REDIS_URL must begin with redis://, rediss:// or unix://; leave it empty for our own.")
    return text
