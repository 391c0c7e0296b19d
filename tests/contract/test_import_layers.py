"""The contracts about layers in pyproject.toml strike: each package refuses an import that looks up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "servicekit": "kit",
    "api_gateway": "gateway",
    "auth_service": "auth-service",
    "prompt_service": "prompt-service",
    "generation_service": "generation-service",
    "local_stack": "deploy/local",
    "vendor_fakes": "tests/fakes",
}
UPWARD = {
    "servicekit/errors.py": "servicekit.rpc.server",
    "api_gateway/backends.py": "api_gateway.edge.route",
    "auth_service/users/rules.py": "auth_service.sessions.rules",
    "prompt_service/rendering/values.py": "prompt_service.versions.models",
    "generation_service/text/language.py": "generation_service.requirements.values",
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of all packages, side by side, with the contracts."""
    folder = tmp_path_factory.mktemp("packages")
    for package, home in PACKAGES.items():
        shutil.copytree(ROOT / home / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_each_package_refuses_an_import_that_looks_up(copies: Path) -> None:
    assert _lint(copies).returncode == 0
    for path, upward in UPWARD.items():
        with (copies / path).open("a", encoding="utf-8") as source:
            source.write(f"\nimport {upward}\n")

    report = _lint(copies)

    assert report.returncode == 1
    for upward in UPWARD.values():
        importer = next(path for path, target in UPWARD.items() if target == upward)
        assert f"{importer.removesuffix('.py').replace('/', '.')} -> {upward}" in report.stdout
