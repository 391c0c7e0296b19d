"""Whether a word stands under a "not": "不要用表格" asks for no table, "no longer formal" for no formality."""

import re

_NEAR_CHARS = 24
_BEFORE = re.compile(
    r"(?:不要|不用|不必|不需要?|不得|不能|不可以?|不许|无需|禁止|严禁|切勿|避免|别|勿|非|不)"
    r"(?:再|太|过于|过分|过度|那么|这么|使用|用|以|按|采用|出现|带|加|写|做|搞|输出|给出?|提供|附上?|成)*\s*$"
    r"|\b(?:no|not|never|without|avoid\w*|don['’]?t|doesn['’]?t|skip|isn['’]?t)\s+"
    r"(?:(?:be|use|using|include|add|give|put|too|so|overly|very|an?|any|the|in|as|with|output|return|it)\s+)*$",
    re.IGNORECASE,
)


def is_negated(text: str, start: int) -> bool:
    """Tell whether what begins at `start` (in code points) is denied by the words right before it."""
    return bool(_BEFORE.search(text[max(0, start - _NEAR_CHARS) : start]))
