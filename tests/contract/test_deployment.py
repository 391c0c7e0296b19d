"""The deployment files under the real tools: Compose, hadolint, gixy, nginx, MariaDB, Redis."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
import redis
from servicekit.testing.mariadb import MariadbServer
from servicekit.testing.private_redis import redis_program
from servicekit.testing.processes import stop, tied_to_us

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCKERFILES = sorted(ROOT.glob("*/Dockerfile"))
SERVICES = ("auth", "prompt", "generation")


def run(*command: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    shown = run(BIN / "docker-compose", "-f", "compose.yaml", "config", "--format", "json")
    return dict(json.loads(shown.stdout))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def nginx_program() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert found, "nginx is missing: `make servers` installs it (Debian: apt-get install nginx-light)"
    return found


# Compose and images


def test_every_process_of_the_product_is_there(compose: dict[str, Any]) -> None:
    wanted = {"nginx", "api-gateway", "mysql", "redis"}
    wanted |= {f"{name}-service" for name in SERVICES} | {f"{name}-migration" for name in SERVICES}

    assert set(compose["services"]) == wanted


def test_only_nginx_is_published_and_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}

    assert list(published) == ["nginx"]
    assert published["nginx"][0]["host_ip"] == "127.0.0.1"


def test_each_service_waits_for_its_own_migration(compose: dict[str, Any]) -> None:
    for name in SERVICES:
        waits = compose["services"][f"{name}-service"]["depends_on"]
        assert waits[f"{name}-migration"]["condition"] == "service_completed_successfully"
        assert compose["services"][f"{name}-migration"]["command"] == ["migrate"]


def test_every_container_is_hardened_alike(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == [], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert not service.get("privileged"), name
        # Ours name it in the image; theirs would begin as root.
        assert "build" in service or service["user"].partition(":")[0] not in {"", "0", "root"}, name


def test_only_the_services_are_where_mysql_is_and_nobody_inside_reaches_out(compose: dict[str, Any]) -> None:
    on = {
        network: {name for name, service in compose["services"].items() if network in service["networks"]}
        for network in compose["networks"]
    }
    services, migrations = ({f"{name}-{kind}" for name in SERVICES} for kind in ("service", "migration"))

    assert on["database"] == {"mysql"} | services | migrations
    assert on["cache"] == {"redis", "api-gateway"} | services
    assert on["edge"] == {"nginx", "api-gateway"}
    assert on["internet"] == {"generation-service"}
    for network in ("backend", "cache", "database"):
        assert compose["networks"][network]["internal"] is True


def test_no_secret_stands_in_the_environment(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable in service.get("environment") or {}:
            is_path = variable.endswith(("_FILE", "_DIR"))
            assert is_path or not re.search("PASSWORD|SECRET|KEY|DATABASE_URL|REDIS_URL", variable), (name, variable)


def test_each_service_mounts_its_own_database_url_alone(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        urls = [secret["source"] for secret in service.get("secrets", []) if "database_url" in secret["source"]]
        kind = name.partition("-")[0]
        assert urls == ([f"{kind}_database_url"] if kind in SERVICES else [])


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_each_dockerfile_is_clean_and_runs_as_nobody(dockerfile: Path) -> None:
    run(BIN / "hadolint", dockerfile)

    text = dockerfile.read_text()
    assert "USER 10001:10001" in text
    assert "HEALTHCHECK" in text
    assert 'ENTRYPOINT ["python", "-m"' in text
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split()), line


def test_there_is_an_image_of_each_program() -> None:
    assert [path.parent.name for path in DOCKERFILES] == [
        "auth-service",
        "gateway",
        "generation-service",
        "prompt-service",
    ]


def test_the_build_context_holds_what_is_copied_and_no_secret() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for path in DOCKERFILES
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", path.read_text(), re.MULTILINE)
        for source in line.split()
    }

    assert copied == allowed


# Secrets


def test_made_secrets_are_those_that_compose_mounts(compose: dict[str, Any], tmp_path: Path) -> None:
    run("deploy/make-secrets", tmp_path)

    wanted = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert {path.name for path in tmp_path.iterdir()} == wanted
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_made_secrets_fit_each_other_and_stay(tmp_path: Path) -> None:
    run("deploy/make-secrets", tmp_path)
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    run("deploy/make-secrets", tmp_path)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert first["redis_auth.conf"].removeprefix("requirepass ").strip() in first["redis_url"]
    for name in SERVICES:
        password = first[f"mysql_{name}_password"].strip()
        assert f"promptsphere_{name}:{password}@mysql" in first[f"{name}_database_url"]


# MySQL and Redis


def test_init_sql_gives_each_user_its_schema_and_no_other(mariadb_server: MariadbServer) -> None:
    text = re.sub(r"--.*", "", (ROOT / "deploy/mysql/init.sql").read_text())
    statements = [statement for statement in text.split(";") if statement.strip()]
    for statement in statements * 2:  # safe to run again
        mariadb_server.execute(statement)

    with pytest.raises(pymysql.err.OperationalError):  # locked until it has a password
        _connect(mariadb_server, "auth").close()
    for name in SERVICES:
        # What passwords.sh says, in MariaDB's order of words.
        mariadb_server.execute(f"ALTER USER 'promptsphere_{name}'@'%' IDENTIFIED BY 'made-up' ACCOUNT UNLOCK")
    with contextlib.closing(_connect(mariadb_server, "auth")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE promptsphere_auth.probe (id INT PRIMARY KEY)")
        cursor.execute("DROP TABLE promptsphere_auth.probe")
        for foreign in ("USE promptsphere_prompt", "CREATE DATABASE other", "SELECT * FROM mysql.user"):
            with pytest.raises(pymysql.err.OperationalError, match="denied"):
                cursor.execute(foreign)


def _connect(server: MariadbServer, name: str) -> "pymysql.Connection[Any]":
    return pymysql.connect(host=server.host, port=server.port, user=f"promptsphere_{name}", password="made-up")


def test_redis_conf_demands_the_password_and_forgets_rather_than_refuses(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "auth.conf").write_text("requirepass made-up\n")
    text = (ROOT / "deploy/redis/redis.conf").read_text()
    config = tmp_path / "redis.conf"
    config.write_text(text.replace("/run/secrets/redis_auth.conf", str(tmp_path / "auth.conf")))
    server = subprocess.Popen(tied_to_us([redis_program(), str(config), "--port", str(port), "--dir", str(tmp_path)]))
    try:
        _wait_for_port(port)
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=port, password="made-up") as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
            assert client.config_get("save") == {"save": ""}
    finally:
        stop(server, limit_seconds=5)


# nginx


def test_nginx_accepts_its_configuration() -> None:
    run(nginx_program(), "-t", "-q", "-c", ROOT / "deploy/nginx/nginx.conf")


def test_gixy_finds_nothing() -> None:
    run(BIN / "gixy-next", "deploy/nginx/nginx.conf")


class Upstream:
    """A gateway of a few lines that remembers what it was sent."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.may_go_on = asyncio.Event()
        self.cuts = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            if self.cuts:
                return
            body = b"data: one\n\n"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n\r\n" + body)
            await writer.drain()
            if "/events" in head:
                await self.may_go_on.wait()
            writer.write(b"data: two\n\n")
            await writer.drain()


@contextmanager
def running_nginx(folder: Path, upstream_port: int) -> Iterator[int]:
    port = free_port()
    text = (ROOT / "deploy/nginx/nginx.conf").read_text()
    config = folder / "nginx.conf"
    config.write_text(
        text.replace("listen 8080", f"listen 127.0.0.1:{port}")
        .replace("http://api-gateway:8000", f"http://127.0.0.1:{upstream_port}")
        .replace("default 0;", "default 0; 127.0.0.2 1;")
        .replace("/tmp/", f"{folder}/")  # noqa: S108 - what the file says
        .replace("/dev/stdout", f"{folder}/access.log")
        .replace("/dev/stderr", f"{folder}/error.log")
    )
    server = subprocess.Popen(tied_to_us([nginx_program(), "-c", str(config), "-g", "daemon off;"]))
    try:
        _wait_for_port(port)
        yield port
    finally:
        stop(server, limit_seconds=5)


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@asynccontextmanager
async def behind_nginx(folder: Path, upstream: Upstream) -> AsyncIterator[int]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with server:
        with running_nginx(folder, server.sockets[0].getsockname()[1]) as port:
            yield port


async def ask(
    port: int, request: str, until: Callable[[str], bool] = lambda _text: False, source: str = "127.0.0.1"
) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    with contextlib.closing(writer):
        writer.write(request.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        text = ""
        async with asyncio.timeout(10):
            while not until(text) and (chunk := await reader.read(65536)):
                text += chunk.decode()
    return text


GET = "GET {path} HTTP/1.1\nHost: example.com\nConnection: close"


async def test_an_event_arrives_before_the_next_one_is_made(tmp_path: Path) -> None:
    upstream = Upstream()
    async with behind_nginx(tmp_path, upstream) as port:
        seen = await ask(port, GET.format(path="/api/v1/runs/1/events"), until=lambda text: "data: one" in text)
        assert "data: two" not in seen
        upstream.may_go_on.set()


async def test_the_clients_address_is_nginxs_word_and_not_the_clients(tmp_path: Path) -> None:
    upstream = Upstream()
    async with behind_nginx(tmp_path, upstream) as port:
        await ask(port, GET.format(path="/api/v1/me") + "\nX-Forwarded-For: 6.6.6.6\nForwarded: for=6.6.6.6")

    assert "X-Forwarded-For: 127.0.0.1\r\n" in upstream.heads[0]
    assert "6.6.6.6" not in upstream.heads[0]


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/v1/prompts", 1 << 20), ("/api/v1/prompts/import", 20 << 20), ("/v1/chat/completions", 8 << 20)],
)
async def test_a_body_over_the_limit_is_refused_before_it_is_sent(tmp_path: Path, path: str, limit: int) -> None:
    upstream = Upstream()
    async with behind_nginx(tmp_path, upstream) as port:
        head = f"POST {path} HTTP/1.1\nHost: example.com\nConnection: close\nContent-Length: {limit + 1}"
        refused = await ask(port, head, until=lambda text: '"errors"' in text)

    assert refused.startswith("HTTP/1.1 413")
    assert json.loads(refused.partition("\r\n\r\n")[2])["code"] == "too_large"
    assert upstream.heads == []


async def test_without_a_gateway_the_answer_is_a_503_problem(tmp_path: Path) -> None:
    with running_nginx(tmp_path, free_port()) as port:
        answer = await ask(port, GET.format(path="/api/v1/me"))

    assert answer.startswith("HTTP/1.1 503")
    assert "application/problem+json" in answer
    assert "Retry-After: " in answer
    assert json.loads(answer.partition("\r\n\r\n")[2])["code"] == "unavailable"


async def test_a_post_is_never_sent_twice(tmp_path: Path) -> None:
    upstream = Upstream()
    upstream.cuts = True
    async with behind_nginx(tmp_path, upstream) as port:
        await ask(port, "POST /api/v1/prompts HTTP/1.1\nHost: example.com\nConnection: close\nContent-Length: 0")

    assert len(upstream.heads) == 1


REST = "\nHost: x\nConnection: close"


@pytest.mark.parametrize(
    ("request_text", "status", "code"),
    [
        ("GET /api/v1/me HTTP/1.1\nHost: a/b\nConnection: close", 400, "bad_request"),
        (f"GET / HTTP/1.1{REST}\nContent-Length: 1\nTransfer-Encoding: chunked", 400, "bad_request"),
        (f"GET / HTTP/1.1{REST}\nContent-Length: x", 400, "bad_request"),
        ("GET / HTTP/1.1\nConnection: close", 400, "bad_request"),
        (f"TRACE /api/v1/me HTTP/1.1{REST}", 405, "method_not_allowed"),
        (f"POST /api/v1/me HTTP/1.1{REST}\nContent-Length: 99999999", 413, "too_large"),
        (f"GET / HTTP/1.1{REST}\nA: {'v' * 80_000}", 431, "headers_too_large"),
        (
            f"GET / HTTP/1.1{REST}{''.join(f'{chr(10)}A{n}: ' + 'v' * 60_000 for n in range(6))}",
            431,
            "headers_too_large",
        ),
        (f"POST / HTTP/1.1{REST}\nTransfer-Encoding: gzip", 501, "not_implemented"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_nginx_refuses_itself_is_a_problem(
    tmp_path: Path, request_text: str, status: int, code: str
) -> None:
    upstream = Upstream()
    async with behind_nginx(tmp_path, upstream) as port:
        head, _, body = (await ask(port, request_text)).partition("\r\n\r\n")

    assert head.split()[1] == str(status)
    assert "Content-Type: application/problem+json" in head
    assert f"X-Request-Id: {json.loads(body)['request_id']}" in head
    assert (json.loads(body)["code"], json.loads(body)["status"]) == (code, status)
    assert upstream.heads == []


@pytest.mark.parametrize(
    ("source", "said", "scheme", "address"),
    [
        ("127.0.0.1", ["X-Forwarded-Proto: https", "X-Forwarded-For: 6.6.6.6"], "http", "127.0.0.1"),
        ("127.0.0.2", ["X-Forwarded-Proto: https", "X-Forwarded-For: 198.51.100.1"], "https", "198.51.100.1"),
        (
            "127.0.0.2",
            ["X-Forwarded-Proto: http, https", "X-Forwarded-For: 6.6.6.6, 198.51.100.1"],
            "https",
            "198.51.100.1",
        ),
        ("127.0.0.2", ["X-Forwarded-Proto: https, http"], "http", "127.0.0.2"),
        ("127.0.0.2", ["X-Forwarded-Proto: odd", "X-Forwarded-For: ' OR 1"], "http", "127.0.0.2"),
        ("127.0.0.2", [], "http", "127.0.0.2"),
        ("127.0.0.3", ["X-Forwarded-Proto: 1 https"], "http", "127.0.0.3"),
    ],
    ids=str,
)
async def test_a_trusted_fronts_word_is_passed_on_and_a_strangers_is_not(
    tmp_path: Path, source: str, said: list[str], scheme: str, address: str
) -> None:
    upstream = Upstream()
    async with behind_nginx(tmp_path, upstream) as port:
        head = "GET /api/v1/me HTTP/1.1\nHost: x:8443\nConnection: close"
        await ask(port, "\n".join([head, *said]), source=source)

    (arrived,) = upstream.heads
    assert re.findall(r"X-Forwarded-Proto: (.*)\r", arrived) == [scheme]
    assert re.findall(r"X-Forwarded-For: (.*)\r", arrived) == [address]
    assert re.findall(r"Host: (.*)\r", arrived)[0] == "x:8443"
