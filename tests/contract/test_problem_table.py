"""Every reason that a service gives has its own problem document."""

import ast
from pathlib import Path

from api_gateway.problems.table import TABLE
from servicekit import errors

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "kit/servicekit",
    "gateway/api_gateway",
    "auth-service/auth_service",
    "prompt-service/prompt_service",
    "generation-service/generation_service",
)
ERRORS = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.SphereError)}
POSITION = {"Rejected": 0, "RunFailure": 0, "ErrorKind": 1}
NEVER_SHOWN = {
    "lease_lost",  # ends the work of a process that lost its run
    "slow_reader",  # closes a stream that nobody reads
}


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _reasons_of(node: ast.AST) -> list[str | None]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [one.id for one in targets if isinstance(one, ast.Name)]
        return [_text(node.value)] if node.value is not None and "default_reason" in names else []
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return []
    if node.func.id in ERRORS:
        return [_text(word.value) for word in node.keywords if word.arg == "reason"]
    at = POSITION.get(node.func.id)
    return [_text(node.args[at])] if at is not None and len(node.args) > at else []


def test_every_reason_has_its_own_document() -> None:
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    reasons = {
        reason
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for reason in _reasons_of(node)
        if reason is not None
    }

    assert len(reasons) > 40
    assert reasons - NEVER_SHOWN - TABLE.keys() == set()
