"""Work over texts leaves the loop by the pool alone: found by walking the services, not by a list of places."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = (
    ROOT / "prompt-service" / "prompt_service",
    ROOT / "generation-service" / "generation_service",
)
CONTRACT = "What services have done by worker processes stands on text and numbers alone"
THREADS = {"to_thread", "run_in_executor", "ThreadPoolExecutor", "ProcessPoolExecutor", "Thread"}
# Called on the loop all the same, each with its reason.
SMALL = {
    ("model_parser.py", "language_of"): "a description: 8 000 characters take 1 ms",
    ("model_parser.py", "nfc"): "likewise",
    ("servicer.py", "checked_content"): "measures the content's bytes",
    ("pipeline.py", "check_answers"): "answers fit a form of ours, field by field",
    ("planner.py", "check_answers"): "likewise",
}


def _work_modules() -> list[str]:
    """The modules that import-linter keeps fit for workers, and those below them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (contract,) = [one for one in contracts if one["name"] == CONTRACT]
    return [str(name) for name in contract["source_modules"]]


def _modules() -> list[Path]:
    return [path for service in SERVICES for path in sorted(service.rglob("*.py"))]


def _imported(tree: ast.Module, work_modules: list[str]) -> Iterator[str]:
    """How functions and modules of the work's modules are called here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                places = (node.module, f"{node.module}.{one.name}")
                if any(f"{place}.".startswith(f"{work}.") for place in places for work in work_modules):
                    yield one.asname or one.name


def _called(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The root and the last name of all that async functions call themselves."""
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield node.func.id, node.func.id
                elif (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                ):
                    yield node.func.value.id, node.func.attr


def on_the_loop(source: str, work_modules: list[str]) -> set[str]:
    """The functions over text that async functions of this module call without the pool."""
    tree = ast.parse(source)
    imported = set(_imported(tree, work_modules))
    return {name for root, name in _called(tree) if root in imported and name[0].islower()}


def test_the_walk_finds_what_is_planted() -> None:
    works = _work_modules()
    direct = "from generation_service.lint.rules import lint\nasync def f(x):\n    return lint(x)\n"
    by_module = "from generation_service.writing import gates\nasync def f(x):\n    return gates.check(x, x)\n"
    by_pool = (
        "from generation_service.lint.rules import lint\nasync def f(p, x):\n    return await p.run(partial(lint, x))\n"
    )

    assert [find_spec(name) is not None for name in works] == [True] * len(works)
    assert on_the_loop(direct, works) == {"lint"}
    assert on_the_loop(by_module, works) == {"check"}
    assert on_the_loop(by_pool, works) == set()


def test_no_async_function_works_on_texts_itself() -> None:
    works = _work_modules()
    found = {(path.name, name) for path in _modules() for name in on_the_loop(path.read_text(encoding="utf-8"), works)}

    assert found == set(SMALL)


def test_services_that_work_on_texts_start_no_threads_of_their_own() -> None:
    found = [
        (path.name, name)
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in [getattr(node, "attr", getattr(node, "id", ""))]
        if name in THREADS
    ]

    assert found == []
