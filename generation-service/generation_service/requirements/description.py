"""The description as it comes in: whether it may be read at all, and which language it is in."""

import re
import unicodedata

from servicekit.errors import InvalidArgument, Violation
from servicekit.normal_form import nfc

from generation_service.requirements.domain import MAX_DESCRIPTION_CHARS, Language

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’-][A-Za-zÀ-ɏ]+)*")
_QUOTED = re.compile(r"“[^”]{0,400}”|「[^」]{0,400}」|\"[^\"\n]{0,400}\"|`[^`\n]{0,400}`")
_ZH_GRAMMAR = re.compile(r"一个|帮我|帮忙|需要|我想|我要|可以|能够|不要|必须|请|的|把|写|做|给|用")
_EN_GRAMMAR = re.compile(
    r"\b(?:an?|the|that|which|who|to|for|and|of|in|with|is|are|be|should|must|my|our|from|into|i|we)\b", re.IGNORECASE
)


def check_description(description: str) -> str:
    """Return the description in NFC, ready to be parsed.

    Raises:
        InvalidArgument: when it is blank, has no letter or digit (emoji, punctuation), holds NUL or a lone
            surrogate, or is longer than 8 000 code points after NFC. The pointer is `/description`.
    """
    if "\x00" in description or any("\ud800" <= char <= "\udfff" for char in description):
        raise _refused("The description holds characters that are not text (NUL or a lone surrogate); remove them.")
    normal = nfc(description)
    if len(normal) > MAX_DESCRIPTION_CHARS:
        raise _refused(f"The description has {len(normal)} characters; at most {MAX_DESCRIPTION_CHARS} are allowed.")
    if not any(unicodedata.category(char)[0] in "LN" for char in normal):
        raise _refused("The description is empty; say in one sentence what the agent should do.")
    return normal


def detect_language(text: str) -> Language:
    """Tell the language a text is written in; foreign terms inside it and quoted passages do not decide."""
    bare = _QUOTED.sub(" ", text)
    if not HAN.search(bare) and not _LATIN_WORD.search(bare):
        bare = text
    zh_weight = len(HAN.findall(bare)) + 3 * len(_ZH_GRAMMAR.findall(bare))
    en_weight = len(_LATIN_WORD.findall(bare)) + 2 * len(_EN_GRAMMAR.findall(bare))
    return "zh" if zh_weight > en_weight else "en"


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, violations=[Violation("/description", message)])
