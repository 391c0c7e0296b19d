"""Which language a text is in. Whatever counts Han characters and Latin words, or judges by them, stands here."""

import re
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

HAN_CLASS = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Han characters, for the inside of a character class."""

_HAN = re.compile(f"[{HAN_CLASS}]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’-][A-Za-zÀ-ɏ]+)*")
# Each stops at the next opening mark, so that many of them cost no more than one.
_QUOTED = re.compile(r"“[^“”]{0,400}”|「[^「」]{0,400}」|\"[^\"\n]{0,400}\"|`[^`\n]{0,400}`")
_ZH_GRAMMAR = re.compile(r"一个|帮我|帮忙|需要|我想|我要|可以|能够|不要|必须|请|的|把|写|做|给|用")
_EN_GRAMMAR = re.compile(
    r"\b(?:an?|the|that|which|who|to|for|and|of|in|with|is|are|be|should|must|my|our|from|into|i|we)\b", re.IGNORECASE
)
_LEAST_HAN_OF_A_LINE = 6
_LEAST_WORDS_OF_A_LINE = 7
_HAN_A_WORD = 1.6
"""A Chinese word has 1.6 characters on average."""


def count_units(text: str) -> tuple[int, int]:
    """How many Han characters and how many Latin words the text has."""
    return len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))


def has_han(text: str) -> bool:
    """True when the text has a Han character."""
    return _HAN.search(text) is not None


def language_of(text: str) -> Language:
    """The language a text is written in; foreign terms inside it and quoted passages do not decide."""
    bare = _QUOTED.sub(" ", text)
    if not any(count_units(bare)):
        bare = text
    han, words = count_units(bare)
    zh_weight = han + 3 * len(_ZH_GRAMMAR.findall(bare))
    en_weight = words + 2 * len(_EN_GRAMMAR.findall(bare))
    return "zh" if zh_weight > en_weight else "en"


def language_of_line(line: str) -> Language | None:
    """The language of a whole line, None when it is too short or too mixed to tell."""
    han, words = count_units(line)
    if han >= _LEAST_HAN_OF_A_LINE and han > 2 * words:
        return "zh"
    if words >= _LEAST_WORDS_OF_A_LINE and words > 2 * han:
        return "en"
    return None


def foreign_share(prose: str, language: Language) -> float:
    """The share of the words of a text that are in the other language; 0 to 1."""
    han, latin_words = count_units(prose)
    han_words = han / _HAN_A_WORD
    if not han_words + latin_words:
        return 0.0
    return (latin_words if language == "zh" else han_words) / (han_words + latin_words)


def is_in(phrase: str, language: Language) -> bool:
    """Whether a phrase may stand in a text of this language as it is.

    "React Native" and "python" are terms in Chinese; "friendly support bot" is another language.
    """
    if language == "en":
        return not has_han(phrase)
    words = re.findall(r"[A-Za-z]+", phrase)
    return has_han(phrase) or len(words) <= 1 or (len(words) <= 3 and not any(word.islower() for word in words))
