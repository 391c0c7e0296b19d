"""What the house style asks of every file, as far as a machine can tell."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 40
BANNED_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}
# Tables that are data in the form of Python; each with its reason.
LONG_MODULES: dict[str, str] = {}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code: neither the signature, which keyword-only words make long, nor the docstring counts."""
    statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


MODULES = [path for path in _tracked("*.py") if "tests" not in path.parts and "migrations" not in path.parts]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) < MAX_MODULE_LINES or _name(path) in LONG_MODULES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert _body_lines(node) < MAX_FUNCTION_LINES, f"{node.name} is too long"


def test_files_are_named_for_what_they_hold() -> None:
    badly_named = [_name(path) for path in MODULES if path.stem in BANNED_NAMES]

    assert badly_named == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in _tracked("*/test_*.py")]

    assert sorted(set(names)) == sorted(names)


def test_nothing_of_one_machine_is_committed() -> None:
    forbidden = re.compile(
        "|".join(
            (r"index[-_]url\s*[=:]\s*\S*http", r"files\.python" + r"hosted\.org", "/home" + r"/\w+/", "/wo" + "rk/")
        ),
    )
    found = [
        f"{_name(path)}: {match[0]}"
        for path in _tracked()
        if path.suffix not in {".png", ".svg"}
        for match in forbidden.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert found == []


def test_generated_stubs_are_not_committed() -> None:
    assert _tracked("*_pb2*.py", "*_pb2*.pyi") == []
