"""Turning the user's words into sentences of a prompt: tidy, imperative, and unable to break its structure."""

import re
from functools import cache

from generation_service.text.data_tables import load_table, text_of

_BLANKS = re.compile(r"\s+")
_BLANK_FOR_COMMA = re.compile(r"(?<=[一-鿿]{2}) (?=[一-鿿]{2})")
_LEADING_MARKS = re.compile(r"^(?:[#>*\-+•]+|\d{1,3}[.)、])\s*")
_TAG = re.compile(r"<(?=[/!?]?[A-Za-z])([^<>\n]{0,200})>")
_FENCE = re.compile(r"`{3,}|~{3,}")
_BRACES = re.compile(r"(?<!\\)\{\{")
_EDGE = " \t\r\n\u3000,，、.。;；:：!！"
_VAGUE = re.compile(
    r"(?<=最)好(?=[能是要])|最好(?:是|能|要)?|尽量|尽可能(?:地)?|适当(?:地|的)?|酌情|稍微|大概|一些|若干|之类的"
    r"|可能的话|视情况"
    r"|\b(?:try to|try and|maybe|perhaps|possibly|probably|ideally|preferably|if possible|where possible"
    r"|as much as possible|somewhat"
    r"|as appropriate|as needed|roughly|hopefully|and so on|where appropriate|a few)\b[ ,]*",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"^(?:绝对|一律|切记)?(?:不要|不能|不得|不可以?|不许|禁止|严禁|切勿|别|避免|不(?!同|断|仅|管|论|过|超|少|多于"
    r"|足))|^(?:never|do not"
    r"|don['’]?t|must not|not|no|avoid|cannot)\b",
    re.IGNORECASE,
)
_SLOT = re.compile(r"\{([a-z_]+)\}")


def fill(template: str, **values: str) -> str:
    """Put values into the `{name}` slots of a frame; braces inside the values are left alone."""
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), template)


def tidy(text: str) -> str:
    """Make one line of the user's words: without vague filler, and harmless to the layout."""
    line = _BLANKS.sub(" ", text).strip(_EDGE)
    line = _BLANK_FOR_COMMA.sub("，", _LEADING_MARKS.sub("", line))
    line = _BLANKS.sub(" ", _VAGUE.sub("", line)).strip(_EDGE) or line
    return defused(_FENCE.sub("`", line))


def defused(text: str) -> str:
    r"""Keep the user's text text: `{{` becomes `\{{`, and what looks like a tag is written with entities."""
    return _TAG.sub(r"&lt;\1&gt;", _BRACES.sub(r"\\{{", text))


def fenced(text: str) -> str:
    """Put an example between fences longer than any fence inside it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{defused(text.strip())}\n{fence}"


def is_negative(text: str) -> bool:
    """Whether a rule only says what not to do."""
    return bool(_NEGATIVE.match(text))


def imperative(text: str) -> str:
    """Say "writes docs and checks links" as an order: "write docs and check links"; "能查物流" is "查物流"."""
    if (chinese := _ABLE_ZH.match(text)) is not None:
        return text[chinese.end() :]
    if (denied := _DENIED.match(text)) is not None:
        return f"do not {text[denied.end() :]}"
    if (adverb := _ADVERB.match(text)) is not None:
        return adverb.group() + imperative(text[adverb.end() :])
    if _HAS_SUBJECT.match(text):
        return text
    first, _, rest = text.partition(" ")
    bare = _bare_verb(first) or (first[:-1] if _ACTS_ON.match(text) else None)
    if bare is None:
        return text
    return f"{bare} {_SECOND_VERB.sub(_second_bare, rest)}" if rest else bare


_ABLE_ZH = re.compile(r"(?:能够|可以|能(?![源力量])|会(?![议计员话]))(?=[\u4e00-\u9fff])")
_DENIED = re.compile(r"(?:it )?(?:does ?n['’]?t|dont|does not)\s+", re.IGNORECASE)
# In "replies should be short" the first word is no verb.
_HAS_SUBJECT = re.compile(
    r"(?<![a-z])[a-z]+s (?:should|must|can|may|will|are|need|have|stay|never|always)\b", re.IGNORECASE
)
_ADVERB = re.compile(r"(?:never|always|only|also|not)\s+", re.IGNORECASE)
_SECOND_VERB = re.compile(
    r"(?<=\band )([a-z]+s)\b|(?<=, )([a-z]+s)\b(?= (?:the|a|an|its|their|it|them|when|how|why|what)\b)"
)
# An unknown word that ends in s and has an object is a verb: "roasts my playlists".
_ACTS_ON = re.compile(
    r"(?<![a-z])[a-z]{2,}[^\Wsui]s (?:the|an?|my|your|our|their|his|her|its|any|all|every|each|people|users)\b"
)
_AGENTIVE = re.compile(
    r"(?:agent|bot|assistant|chatbot|expert|guide|coach|host|analyst|sommelier|nurse|companion|copilot|admin|lead|chef"
    r"|master|desk|(?<!lett)(?<!pap)(?<!numb)(?<!off)(?<!bann)(?<!post)(?<!custom)(?<!answ)(?<!\bord)(?<!us)er"
    r"|(?<!err)or|ist|ian|helper|system|tool|clerk|secretary|representative|concierge|buddy|friend|intern|critic|judge)\b",
    re.IGNORECASE,
)
_FIRST_NOUN = re.compile(
    r"^.*?(?=\s(?:for|of|that|who|which|about|in|on|with|from|focused|specialized|specialised|to|at)\b|$)"
)


def lowered(text: str) -> str:
    """Begin a phrase in the middle of a sentence; names and abbreviations keep their capitals."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def is_agent(text: str) -> bool:
    """Whether an English goal names somebody who acts ("meeting scheduler"), and not what is made or done."""
    noun = _FIRST_NOUN.match(text)
    return bool(noun and _AGENTIVE.search(noun.group().rsplit(" ", 1)[-1]))


def is_order(text: str) -> bool:
    """Whether an English goal is a verb phrase ("translate contracts") and not the name of an agent."""
    if is_agent(text):
        return False
    first = text.partition(" ")[0]
    if _ACTS_ON.match(text):
        return True
    return _bare_verb(first) is not None or bool(_verbs().fullmatch(first))


def with_article(noun: str) -> str:
    """Put "a" or "an" before an English noun phrase that has no article."""
    if re.match(r"(?:an?|the|my|our|your)\b", noun, re.IGNORECASE):
        return noun
    vowel = re.match(r"(?:[aeio]|u(?!s|n[ij])|[FHLMNRSX](?=[A-Z]|\b))", noun) or re.match(
        r"(?:HR|SRE|API|AI|AWS|SQL|SEO)\b", noun
    )
    return f"an {noun}" if vowel else f"a {noun}"


def _bare_verb(word: str) -> str | None:
    """The bare form of "writes", "classifies", "does"; None when the word is no known verb in that form."""
    if word.lower() in {"does", "goes"}:
        return word[:-2]
    for ending, bare in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending):
            stem = word[: -len(ending)] + bare
            if _verbs().fullmatch(stem):
                return stem
    return None


def _second_bare(match: re.Match[str]) -> str:
    return _bare_verb(match.group()) or match.group()


@cache
def _verbs() -> re.Pattern[str]:
    table = load_table("generation_service.requirements", "verbs.toml")
    return re.compile(text_of(table, "en"), re.IGNORECASE)
