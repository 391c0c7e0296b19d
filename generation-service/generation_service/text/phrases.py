"""Patterns of words."""

import re


def phrase(pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """Compiles a pattern in which a blank stands for any number of blanks: spacing must not change a verdict.

    Blanks inside a character class are not allowed, since they would not stay one.
    """
    return re.compile(pattern.replace(" ", r"[ \t]{1,20}"), flags)
