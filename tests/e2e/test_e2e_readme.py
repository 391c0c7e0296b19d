"""The README's tour runs as it stands, and names nothing that isn't there."""

import os
import re
import subprocess
from pathlib import Path

from local_stack.settings import VARIABLES
from local_stack.testing import StackProcess

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL_BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_the_tour_runs_in_order(stack: StackProcess) -> None:
    script = "set -euo pipefail\n" + "\n".join(SHELL_BLOCKS)

    done = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"BASE": stack.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert "event: done" in done.stdout
    assert '"label":"production"' in done.stdout
    assert '"vague-word"' in done.stdout


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = [README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")]
    named = {target for text in texts for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)}

    assert named
    assert named <= targets


def test_every_setting_of_the_launcher_is_in_the_readme() -> None:
    missing = [name for name in VARIABLES if f"`{name}`" not in README]

    assert missing == []
