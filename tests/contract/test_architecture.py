"""ARCHITECTURE.md tells the truth about files: each that it names is there, each line that it quotes stands in one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
HOMES = ("", "kit", *(f"{service}/{package}" for service, package in (
    ("gateway", "api_gateway"),
    ("auth-service", "auth_service"),
    ("prompt-service", "prompt_service"),
    ("generation-service", "generation_service"),
)))  # fmt: skip
NAMED = sorted(set(re.findall(r"[a-z_-]+(?:/[a-z_-]+)*/[a-z_]+\.(?:py|toml)\b", TEXT)))
QUOTED = [line.strip() for line in re.findall(r"^ {28,}((?:\w+ = )?(?:await )?[\w.]+\(.*\))$", TEXT, re.MULTILINE)]


@pytest.mark.parametrize("name", NAMED)
def test_a_named_file_exists(name: str) -> None:
    found = [home for home in HOMES if (ROOT / home / name).is_file()]

    assert found


def test_quoted_lines_stand_in_the_code() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for home in HOMES[2:]
        for path in (ROOT / home).rglob("*.py")
        if not path.stem.endswith(("_pb2", "_pb2_grpc"))
    )

    missing = [line for line in QUOTED if line not in sources]

    assert len(QUOTED) == 5
    assert missing == []
