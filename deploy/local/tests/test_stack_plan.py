import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_stack.plan import SERVICES, Plan, database_url, make_plan
from local_stack.settings import read_settings
from servicekit.db.connections import parse_url
from servicekit.migrations.engine import open_migration_engine
from sqlalchemy import text

SOCKETS = Path("/tmp/ps-x")  # noqa: S108 - a name, never made


def plan_of(environment: dict[str, str], inherited: dict[str, str] | None = None) -> Plan:
    ports = iter(range(50001, 50100))
    return make_plan(
        read_settings({"DATA_DIR": "/data", **environment}),
        sockets=SOCKETS,
        redis_url="redis://cache/0",
        environment=inherited or {},
        free_port=lambda: next(ports),
    )


def test_one_worker_talks_over_unix_sockets() -> None:
    plan = plan_of({})

    assert [spec.name for spec in plan.services] == ["auth-service", "prompt-service", "generation-service"]
    assert [spec.environment["PROMPTSPHERE_LISTEN"] for spec in plan.services] == [
        f"unix:{SOCKETS}/{name}.sock" for name in ("auth", "prompt", "generation")
    ]
    assert plan.gateways[0].environment["PROMPTSPHERE_GENERATION_TARGET"] == f"unix:{SOCKETS}/generation.sock"


def test_more_workers_talk_over_ports_and_the_gateways_know_all_of_them() -> None:
    plan = plan_of({"WORKERS": "3", "MYSQL_URL": "mysql://u:p@h:1"})

    names = [spec.name for spec in (*plan.services, *plan.gateways)]
    assert names == [
        *("auth-service", "prompt-service", "generation-service"),
        *("generation-service-2", "generation-service-3"),
        *("api-gateway", "api-gateway-2", "api-gateway-3"),
    ]
    listening = [spec.environment["PROMPTSPHERE_LISTEN"] for spec in plan.services]
    assert len(set(listening)) == 5
    for gateway in plan.gateways:
        assert gateway.environment["PROMPTSPHERE_GENERATION_TARGET"] == "ipv4:" + ",".join(listening[2:])


def test_each_process_is_started_by_its_name_and_each_service_migrates_first() -> None:
    plan = plan_of({})

    assert [spec.command[1:] for spec in (*plan.services, *plan.gateways)] == [
        ("-m", name) for name in ("auth_service", "prompt_service", "generation_service", "api_gateway")
    ]
    assert [spec.once_before[0][1:] for spec in plan.services] == [
        ("-m", name, "migrate") for name in ("auth_service", "prompt_service", "generation_service")
    ]


def test_each_service_has_a_database_of_its_own() -> None:
    sqlite = read_settings({"DATA_DIR": "/data"})
    mysql = read_settings({"MYSQL_URL": "mysql://me:p%40ss@db:3307"})

    assert database_url(sqlite, "prompt") == "sqlite:////data/prompt.db"
    assert database_url(mysql, "auth") == "mysql://me:p%40ss@db:3307/promptsphere_auth"


def test_each_process_kind_has_a_folder_of_secrets_of_its_own() -> None:
    plan = plan_of({})

    folders = {spec.environment["PROMPTSPHERE_SECRETS_DIR"] for spec in (*plan.services, *plan.gateways)}
    assert folders == {f"/data/secrets/{name}" for name in ("auth", "prompt", "generation", "gateway")}


def test_the_model_key_reaches_generation_service_alone() -> None:
    secrets = {"DASHSCOPE_API_KEY": "sk-secret", "MYSQL_URL": "mysql://u:secret@h:1", "PATH": "/bin"}
    plan = plan_of(secrets, inherited=secrets)

    knowing = [
        spec.name
        for spec in (*plan.services, *plan.gateways)
        if any("sk-secret" in value for value in spec.environment.values())
    ]
    assert knowing == ["generation-service"]
    assert "secret" not in str(plan)
    for spec in (*plan.services, *plan.gateways):
        assert spec.environment["PATH"] == "/bin"
        assert "MYSQL_URL" not in spec.environment


def test_registration_is_open_on_loopback_only_unless_told() -> None:
    def opened(environment: dict[str, str], inherited: dict[str, str] | None = None) -> str:
        return plan_of(environment, inherited).services[0].environment["PROMPTSPHERE_REGISTRATION_OPEN"]

    assert opened({}) == "true"
    assert opened({"HOST": "0.0.0.0"}) == "false"
    assert opened({"HOST": "0.0.0.0"}, {"PROMPTSPHERE_REGISTRATION_OPEN": "true"}) == "true"


def test_metrics_ports_follow_the_gateways() -> None:
    plan = plan_of({"METRICS_PORT": "9100"})

    ports = [spec.environment["PROMPTSPHERE_METRICS_PORT"] for spec in (*plan.gateways, *plan.services)]
    assert ports == ["9100", "9101", "9102", "9103"]


ODD_NAMES = (
    "what?mode=ro", "%41", "a#b", "a b", " a ", "中文数据", "it's", 'say "hi"', "a&b=c", "a;b", "a\\b", "a:b@c", "..x",
    "100%", "%", "%2F", "+", "~", "$HOME", "[x]", "a\tb", "😀", "file:x",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_each_service_opens_its_own_file_in_the_folder_that_was_named(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    settings = dataclasses.replace(read_settings({}), data_dir=data_dir)

    for service in SERVICES:
        engine = open_migration_engine(database_url(settings, service))
        with engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE of_{service} (id INTEGER)"))

    assert {path.name for path in data_dir.iterdir() if path.suffix == ".db"} == {f"{one}.db" for one in SERVICES}
    assert list(tmp_path.iterdir()) == [data_dir]


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_name_comes_back_from_the_url(name: str) -> None:
    settings = dataclasses.replace(read_settings({}), data_dir=Path("/data") / name)

    assert parse_url(database_url(settings, "auth")).database == str(settings.data_dir / "auth.db")
