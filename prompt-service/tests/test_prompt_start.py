import json
import os
import subprocess
import sys
from pathlib import Path

from servicekit.migrations.revisions import script_location
from servicekit.migrations.runner import migrate


def started(database_url: str, folder: Path, *code: str) -> subprocess.CompletedProcess[str]:
    """The ended process of a service that cannot serve, or of other code."""
    credential = folder / "credential"
    credential.write_text("c" * 32)
    environment = os.environ | {
        "PROMPTSPHERE_DATABASE_URL": database_url,
        "PROMPTSPHERE_SERVICE_CREDENTIAL_FILE": str(credential),
        "PROMPTSPHERE_SECRETS_DIR": str(folder / "secrets"),
    }
    command = [sys.executable, *(code or ("-m", "prompt_service"))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_schema_that_was_not_migrated_gets_a_sentence(database_url: str, tmp_path: Path) -> None:
    migrate(database_url, script_location("prompt_service"), revision="20261123_01")

    ended = started(database_url, tmp_path)

    assert ended.returncode == 1
    assert "migrate" in json.loads(ended.stderr.splitlines()[-1])["problem"]


def test_a_database_that_does_not_answer_gets_a_sentence(unused_tcp_port: int, tmp_path: Path) -> None:
    ended = started(f"mysql://a:hush@127.0.0.1:{unused_tcp_port}/b", tmp_path)

    assert ended.returncode == 1
    assert "connect" in json.loads(ended.stderr.splitlines()[-1])["problem"]
    assert "hush" not in ended.stderr


def test_serving_loads_no_migration_tool(tmp_path: Path) -> None:
    """Alembic alone takes 11 MB of each idle process."""
    tools = ("alembic", "grpc_reflection.v1alpha.reflection")
    code = f"import sys, prompt_service.__main__; print([tool for tool in {tools} if tool in sys.modules])"

    assert started("", tmp_path, "-c", code).stdout == "[]\n"
