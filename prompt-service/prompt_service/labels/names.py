"""The grammar of labels."""

import re

from prompt_service.prompt_row.names import LATEST

DEFAULT = "production"
"""What a delivery without a label gives."""
MAX_LABEL_CHARS = 36

_LABEL = re.compile(r"[a-z][a-z0-9_.-]{0,35}")
_LIKE_A_VERSION = re.compile(r"v[0-9]+")


def problem_of_label(label: str) -> str:
    """The sentence that says why nobody can set this label, or nothing."""
    if label == LATEST:
        return "`latest` always is the newest version; it can be neither set nor removed."
    if not _LABEL.fullmatch(label):
        return (
            f"Begin a label with a-z and go on with a-z, 0-9, `_`, `.` and `-`; at most {MAX_LABEL_CHARS} characters."
        )
    if _LIKE_A_VERSION.fullmatch(label):
        return "`v` and digits would read like a version number; choose another label."
    return ""
