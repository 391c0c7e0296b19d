r"""Patterns of words, and what every pattern here must keep to.

A text may be hostile and have 256 KiB, and a match can't be interrupted. So no pattern may look from each place
of a text to its far end: what repeats is bounded (`{0,20}`), or starts only where its run starts (`(?<!\s)\s+`),
or gives nothing back (`++`). A test feeds each of them with what it likes best, and times it.
"""

import re


def phrase(pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """Compiles a pattern in which a blank stands for any number of blanks: spacing must not change a verdict.

    Blanks inside a character class are not allowed, since they would not stay one.
    """
    return re.compile(pattern.replace(" ", r"[ \t]{1,20}"), flags)
