"""Which processes a stack consists of, and what each is told: pure, from the settings."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from local_stack import data_dir as folder
from local_stack.processes import ProcessSpec
from local_stack.servers import SCHEMAS
from local_stack.settings import VARIABLES, StackSettings, is_loopback

SERVICES = ("auth", "prompt", "generation")
SERVICE_DRAIN_SECONDS = 2
RUN_DRAIN_SECONDS = 5
"""The gateway is gone before the services are told to stop: nobody calls, what is left is to save the runs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All processes but Redis, in the order in which they are started; stopped the other way round."""

    services: tuple[ProcessSpec, ...]
    gateways: tuple[ProcessSpec, ...]


def make_plan(
    settings: StackSettings,
    *,
    sockets: Path,
    redis_url: str,
    environment: Mapping[str, str],
    free_port: Callable[[], int],
) -> Plan:
    """Lay out a stack.

    Args:
        settings: of the stack; its port is not 0 any more.
        sockets: a short path for unix sockets, taken when there is one process of each kind.
        redis_url: how the processes reach Redis.
        environment: what children inherit.
        free_port: gives a loopback port; for services that run more than once.
    """
    copies = {"auth": 1, "prompt": 1, "generation": settings.workers}
    if settings.workers == 1:
        targets = {name: [f"unix:{sockets}/{name}.sock"] for name in SERVICES}
    else:
        targets = {name: [f"127.0.0.1:{free_port()}" for _ in range(copies[name])] for name in SERVICES}
    shared = inherited(environment) | _shared(settings, redis_url)
    services = [
        _service(settings, name, number, listen, shared | {"PROMPTSPHERE_AUTH_TARGET": _target(targets["auth"])})
        for name in SERVICES
        for number, listen in enumerate(targets[name])
    ]
    told = shared | {f"PROMPTSPHERE_{name.upper()}_TARGET": _target(addresses) for name, addresses in targets.items()}
    gateways = [_gateway(settings, number, told) for number in range(settings.workers)]
    return Plan(services=tuple(services), gateways=tuple(gateways))


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the launcher's own variables: a model key is for one service alone."""
    kept = {name: value for name, value in environment.items() if name not in VARIABLES}
    # Logs and paths are UTF-8, whatever the terminal of the launcher is made for.
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}


def _shared(settings: StackSettings, redis_url: str) -> dict[str, str]:
    return {
        "PROMPTSPHERE_REDIS_URL": redis_url,
        "PROMPTSPHERE_SERVICE_CREDENTIAL_FILE": str(folder.credential_file(settings.data_dir)),
        "PROMPTSPHERE_DATA_DIR": str(settings.data_dir),
        "PROMPTSPHERE_ENGINE": settings.engine,
    }


def _target(addresses: Sequence[str]) -> str:
    """One gRPC target for all copies of a service; calls are spread over them."""
    return addresses[0] if addresses[0].startswith("unix:") else "ipv4:" + ",".join(addresses)


def _service(settings: StackSettings, name: str, number: int, listen: str, shared: Mapping[str, str]) -> ProcessSpec:
    program = (sys.executable, "-m", f"{name}_service")
    told = {
        **shared,
        "PROMPTSPHERE_LISTEN": listen,
        "PROMPTSPHERE_SECRETS_DIR": _secrets_dir(settings, name),
        "PROMPTSPHERE_DATABASE_URL": database_url(settings, name),
        "PROMPTSPHERE_METRICS_PORT": _metrics_port(settings, 1 + SERVICES.index(name), number),
        "PROMPTSPHERE_DRAIN_SECONDS": str(SERVICE_DRAIN_SECONDS),
    }
    if name == "auth":
        # A person who tries it out must be able to begin; strangers on the network must not.
        told.setdefault("PROMPTSPHERE_REGISTRATION_OPEN", str(is_loopback(settings.host)).lower())
    if name == "generation":
        told["PROMPTSPHERE_RUN_DRAIN_SECONDS"] = str(RUN_DRAIN_SECONDS)
        told["PROMPTSPHERE_DASHSCOPE_API_KEY"] = settings.dashscope_api_key
        told["PROMPTSPHERE_DASHSCOPE_BASE_URL"] = settings.dashscope_base_url
    return ProcessSpec(
        name=_numbered(f"{name}-service", number),
        command=program,
        environment=told,
        once_before=((*program, "migrate"),),  # of several copies one does the work, under its lock
    )


def _gateway(settings: StackSettings, number: int, shared: Mapping[str, str]) -> ProcessSpec:
    told = {
        **shared,
        "PROMPTSPHERE_SECRETS_DIR": _secrets_dir(settings, "gateway"),
        "PROMPTSPHERE_HOST": settings.host,
        "PROMPTSPHERE_PORT": str(settings.port),
        "PROMPTSPHERE_METRICS_PORT": _metrics_port(settings, 0, number),
    }
    return ProcessSpec(
        name=_numbered("api-gateway", number), command=(sys.executable, "-m", "api_gateway"), environment=told
    )


def database_url(settings: StackSettings, name: str) -> str:
    """Where the service `name` keeps its data."""
    if settings.mysql is None:
        # Quoted as bytes, which are UTF-8 whatever our own locale takes them for.
        return f"sqlite:///{quote(os.fsencode(folder.database_file(settings.data_dir, name)))}"
    account = settings.mysql
    host = f"[{account.host}]" if ":" in account.host else account.host
    who = f"{quote(account.user, safe='')}:{quote(account.password, safe='')}"
    return f"mysql://{who}@{host}:{account.port}/{SCHEMAS[SERVICES.index(name)]}"


def _secrets_dir(settings: StackSettings, name: str) -> str:
    """Each has its own: a secret that two services call the same is not the same."""
    return str(settings.data_dir / "secrets" / name)


def _metrics_port(settings: StackSettings, offset: int, number: int) -> str:
    """METRICS_PORT is the gateway's, the services take the next three; further copies take any."""
    return str(settings.metrics_port + offset) if settings.metrics_port and number == 0 else "0"


def _numbered(name: str, number: int) -> str:
    return name if number == 0 else f"{name}-{number + 1}"
