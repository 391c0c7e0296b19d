"""Documents, their hashes, and the file of those that are expected."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from golden.normalising import normalised
from golden.visitor import Case

EXPECTED = Path(__file__).with_name("expected.txt")
WHITE_BOX = "functions/"
"""What the ids of cases begin with that need no stack."""
_MOST_NAMED = 40

Documents = Mapping[str, str]
"""The text of each case's document, by the case's id."""


def text_of(document: Any) -> str:
    """A document as text: the order of its fields is kept, since it is the product's."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def documents_of(cases: Iterable[Case]) -> Documents:
    """The documents of cases that were driven through the API."""
    found: dict[str, str] = {}
    for case in cases:
        if case.id in found:
            raise AssertionError(f"two cases are called {case.id}")
        found[case.id] = text_of(normalised(case.steps))
    return found


def hashes_of(documents: Documents) -> dict[str, str]:
    """The SHA-256 of each document."""
    return {name: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for name, text in documents.items()}


def read_expected() -> dict[str, str]:
    """What `expected.txt` says: `case-id sha256`, one a line."""
    lines = EXPECTED.read_text(encoding="utf-8").splitlines() if EXPECTED.exists() else []
    return dict(line.rsplit(" ", 1) for line in lines)


def record(documents: Documents) -> None:
    """Write `expected.txt` anew."""
    lines = [f"{name} {value}\n" for name, value in sorted(hashes_of(documents).items())]
    EXPECTED.write_text("".join(lines), encoding="utf-8")


def write_texts(documents: Documents, folder: Path) -> None:
    """Write each document into a file of its own."""
    for name, text in documents.items():
        file = folder / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))


def differences(documents: Documents, *, white_box: bool) -> list[str]:
    """Every case that changed, is new or is gone, in a few words; of the part that was run."""
    expected = {name: value for name, value in read_expected().items() if name.startswith(WHITE_BOX) is white_box}
    actual = hashes_of(documents)
    changed = [f"changed: {name}" for name in actual if name in expected and actual[name] != expected[name]]
    added = [f"new: {name}" for name in actual.keys() - expected.keys()]
    gone = [f"gone: {name}" for name in expected.keys() - actual.keys()]
    return sorted(changed) + sorted(added) + sorted(gone)


def report(found: list[str]) -> str:
    """What a failed run says."""
    named = found[:_MOST_NAMED] + ([f"… and {len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else [])
    return "\n".join(
        [
            f"{len(found)} golden cases differ:",
            *named,
            "See what changed: `make golden TEXTS=before` on the commit before, `make golden TEXTS=after` here, then",
            "`diff -r before after`. When the change is meant: `make golden RECORD=1`, and say so in the commit.",
        ]
    )
