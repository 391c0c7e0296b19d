import re
from pathlib import Path

import pytest
from local_stack.refusal import Refusal
from local_stack.settings import MysqlAccount, read_settings


def test_nothing_set_means_rules_on_sqlite_on_port_8000_of_loopback() -> None:
    settings = read_settings({"PORT": "", "UNRELATED": "1"})

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.engine == "rules"
    assert settings.mysql is None
    assert settings.redis_url == ""
    assert settings.workers == 1
    assert settings.data_dir == Path(".promptsphere").absolute()


def test_a_key_chooses_dashscope_and_engine_overrules_it() -> None:
    assert read_settings({"DASHSCOPE_API_KEY": "sk-1"}).engine == "dashscope"
    assert read_settings({"DASHSCOPE_API_KEY": "sk-1", "ENGINE": "rules"}).engine == "rules"


def test_mysql_url_is_taken_apart_and_unquoted() -> None:
    settings = read_settings({"MYSQL_URL": "mysql://me:p%40ss@db.example:3307", "WORKERS": "2"})

    assert settings.mysql == MysqlAccount(user="me", password="p@ss", host="db.example", port=3307)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "http"}, "PORT=http"),
        ({"PORT": "65536"}, "PORT=65536"),
        ({"WORKERS": "0"}, "WORKERS=0"),
        ({"WORKERS": "2"}, "needs MYSQL_URL"),
        ({"ENGINE": "gpt"}, "ENGINE=gpt"),
        ({"ENGINE": "dashscope"}, "DASHSCOPE_API_KEY"),
        ({"MYSQL_URL": "postgres://a:b@c"}, "mysql://user:password@host:port"),
        ({"MYSQL_URL": "mysql://host:1"}, "mysql://user:password@host:port"),
        ({"MYSQL_URL": "mysql://u:p@host:x"}, "port is not a number"),
        ({"MYSQL_URL": "mysql://u:p@host/app"}, "without a schema"),
        ({"REDIS_URL": "localhost:6379"}, "redis://"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        read_settings(environment)


def test_the_key_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-of-a-file\n")

    settings = read_settings({"DASHSCOPE_API_KEY_FILE": str(tmp_path / "key")})

    assert (settings.dashscope_api_key, settings.engine) == ("sk-of-a-file", "dashscope")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"sk-1\nsk-2\n", b"\xff\xfe"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(Refusal, match="DASHSCOPE_API_KEY_FILE="):
        read_settings({"DASHSCOPE_API_KEY_FILE": str(file)})


def test_two_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="not both"):
        read_settings({"DASHSCOPE_API_KEY_FILE": str(tmp_path), "DASHSCOPE_API_KEY": "sk-1"})


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://192.168.1.20:8000/v1", "ssh -L 8000:localhost:8000 192.168.1.20"),
        ("http://vllm.lan/v1", "plain http"),
        ("http://[fe80::1]:1/v1", "plain http"),
        ("http://0.0.0.0:8000/v1", "plain http"),
        ("ftp://host/v1", "https://host/path"),
        ("vllm.lan:8000/v1", "https://host/path"),
        ("https:///v1", "https://host/path"),
        ("https://host:port/v1", "https://host/path"),
        ("https://[host/v1", "https://host/path"),
    ],
)
def test_a_provider_that_the_service_would_refuse_is_refused_with_a_sentence(url: str, word: str) -> None:
    with pytest.raises(Refusal, match=re.escape(word)):
        read_settings({"DASHSCOPE_BASE_URL": url})


@pytest.mark.parametrize(
    "url", ["https://host/v1", "http://127.0.0.1:8000/v1", "http://localhost/v1", "http://[::1]/v1"]
)
def test_a_provider_behind_tls_or_on_this_machine_is_taken(url: str) -> None:
    assert read_settings({"DASHSCOPE_BASE_URL": url}).dashscope_base_url == url


def test_a_folder_whose_name_no_url_can_hold_is_refused() -> None:
    with pytest.raises(Refusal, match="isn't UTF-8"):
        read_settings({"DATA_DIR": "/data/ab\udcff"})
