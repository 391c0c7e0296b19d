"""Taking the people out of what was said about them: "面向初学者" is "初学者", "for beginners" is "beginners"."""

import re

_BEFORE = re.compile(
    r"^(?:面向|针对|服务于|受众[是为]|用户[是为]|读者[是为]|适合|(?:交|发|提供)?给(?=[^出予])"
    r"|(?:(?:the|its|our)\s+)?(?:audience|readers?|users?)\s+(?:is|are|will be)\s+|for\s+|aimed at\s+|targeting\s+)",
    re.IGNORECASE,
)
_AFTER = re.compile(r"(?<=[\u4e00-\u9fff])(?:来)?(?:看|使用|用|读|参考|阅读)的?$")


def people_of(text: str) -> str:
    """Strip what the user put around an audience."""
    bare = _BEFORE.sub("", text)
    return _AFTER.sub("", bare) or bare or text
