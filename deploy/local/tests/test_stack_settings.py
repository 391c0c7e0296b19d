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
