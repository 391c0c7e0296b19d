"""Words that leave the model to guess, in Chinese and English. Data, not code."""

import re

_CHINESE = (
    "尽量",
    "尽可能",
    "适当地",
    "适当",
    "适量",
    "适度",
    "一些",
    "大概",
    "差不多",
    "可能的话",
    "或许",
    "也许",
    "若干",
    "一定程度",
    "酌情",
    "看情况",
    "视情况",
    "随便",
    "稍微",
    "稍稍",
    "尽力",
    "之类的",
    "等等之类",
    "某种程度",
    "比较好",
    "最好能",
    "最好是",
)
_ENGLISH = (
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "try to",
    "try and",
    "try your best",
    "do your best",
    "as much as possible",
    "as far as possible",
    "if possible",
    "where possible",
    "when possible",
    "as appropriate",
    "appropriately",
    "if appropriate",
    "where appropriate",
    "as needed",
    "a few",
    "a bit",
    "a little",
    "some kind of",
    "some sort of",
    "kind of",
    "sort of",
    "somewhat",
    "roughly",
    "more or less",
    "reasonably",
    "ideally",
    "preferably",
    "and so on",
    "and so forth",
    "things like that",
    "and stuff",
    "hopefully",
)

VAGUE = re.compile(
    rf"{'|'.join(_CHINESE)}|\b(?:{'|'.join(word.replace(' ', ' +') for word in _ENGLISH)})\b(?!-)",
    re.IGNORECASE,
)
QUOTED = tuple("“”\"'‘’「」『』`《》")
"""A vague word next to one of these is spoken about, not used."""

NEGATED_BEFORE = re.compile(r"(?:不|非|无需|不必|not|n't|never|without|what|which)\s*$", re.IGNORECASE)
"""Ends of a clause that turn the vague word round ("不适当", "do not try to") or ask for the kind ("what kind
of")."""

ABOUT_WORDS = re.compile(
    r"(?:避免|不要|禁止|不得|不用|不使用|杜绝)[^。；\n]{0,20}(?:词|措辞|表述|字眼|说法|用语|语言)"
    r"|(?:avoid|do not use|don't use|never use|no)\b[^.;\n]{0,40}\b(?:words?|phrases?|phrasing|language"
    r"|wording|hedg\w+|terms?|qualifiers?)\b",
    re.IGNORECASE,
)
"""A rule against vague words names them."""
