"""Who may import what, inside the packages; import-linter keeps the packages apart."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = {
    "gateway/api_gateway": "api_gateway",
    "auth-service/auth_service": "auth_service",
    "prompt-service/prompt_service": "prompt_service",
    "generation-service/generation_service": "generation_service",
}
KIT = ROOT / "kit" / "servicekit"
MODULES = [path for folder in SERVICES for path in sorted((ROOT / folder).rglob("*.py"))]
DOMAIN = [path for path in MODULES if path.stem in {"rules", "models"} and "routes" not in path.parts]
# Each vendor has one door; nothing else speaks HTTP to the outside.
DOORS = {"aiohttp": "dashscope"}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _may_use_stubs(path: Path) -> bool:
    if path.stem in {"servicer", "wire", "__main__"}:
        return True
    return "api_gateway" in path.parts and (path.stem == "backends" or "routes" in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_stubs_stay_at_the_wire(path: Path) -> None:
    policy = "promptsphere.policy."  # what the kit's interceptor reads is no product's wire
    stubs = {name for name in _imports(path) if name.startswith("promptsphere.") and not name.startswith(policy)}

    assert not stubs or _may_use_stubs(path)


@pytest.mark.parametrize("path", DOMAIN, ids=_name)
def test_the_domain_knows_neither_grpc_nor_http(path: Path) -> None:
    wire = {name for name in _imports(path) if name.split(".")[0] in {"grpc", "fastapi", "starlette", "aiohttp"}}

    assert wire == set()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_vendor_has_one_door(path: Path) -> None:
    for package, door in DOORS.items():
        if any(name.split(".")[0] == package for name in _imports(path)):
            assert door in path.parts


def test_the_kit_knows_no_product_contract() -> None:
    known = {
        f"{_name(path)}: {name}"
        for path in KIT.rglob("*.py")
        for name in _imports(path)
        if name.startswith("promptsphere.") and not name.startswith("promptsphere.policy.")
    }

    assert known == set()


def test_the_gateway_never_pulls_a_database() -> None:
    pulled = {
        _name(path)
        for path in (ROOT / "gateway" / "api_gateway").rglob("*.py")
        for name in _imports(path)
        if name.startswith(("sqlalchemy", "alembic", "servicekit.db", "servicekit.migrations"))
    }

    assert pulled == set()
