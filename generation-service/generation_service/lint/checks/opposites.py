"""Words that can't be asked for together, and the words that show what they are about. Data, not code."""

import re

from generation_service.text.phrases import phrase


def _pattern(chinese: str, english: str) -> re.Pattern[str]:
    return phrase(rf"(?:{chinese})|\b(?:{english})\b")


OPPOSITES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        _pattern(
            "简洁|简短|精炼|简练|简明扼要|简明|言简意赅|惜字如金|越短越好",
            "concise|concisely|brief|briefly|short|terse|succinct|succinctly|to the point",
        ),
        _pattern(
            "详细|详尽|详实|全面展开|长篇|面面俱到|越详细越好|越长越好|展开论述",
            "detailed|in detail|comprehensive|comprehensively|exhaustive|exhaustively|in depth|in-depth|lengthy"
            "|elaborate|verbose|thorough|thoroughly",
        ),
    ),
    (
        _pattern("正式|严肃|庄重|书面语", "formal|formally|serious|solemn"),
        _pattern(
            "口语化|随意|俏皮|活泼|幽默|轻松|搞笑|网络用语",
            "informal|casual|casually|playful|humorous|funny|jokey|slang|colloquial",
        ),
    ),
    (
        _pattern(
            "通俗易懂|通俗|大白话|小白也能",
            "plain language|simple language|layman's terms|without jargon|non-technical",
        ),
        _pattern(
            "专业术语|术语化|学术化|高度专业",
            "technical jargon|academic language|highly technical|expert terminology",
        ),
    ),
    (
        _pattern("客观中立|保持中立|不带立场", "neutral|impartial|objective and neutral"),
        _pattern("立场鲜明|明确站队|观点鲜明|有倾向", "opinionated|take sides|strong opinions|biased"),
    ),
)
"""Pairs of poles; a prompt that asks for both of the same thing contradicts itself."""

NEGATED = phrase(
    r"(?:不要|不得|不必|不用|无需|不需要|避免|禁止|不宜|勿|过于|过度|太|不|而非|而不是)[^，,。]{0,6}$"
    r"|\b(?:not|no|never|avoid|don't|without|overly|too|unnecessarily|rather than|instead of"
    r"|unless)\b[^,.]{0,20}$",
)
CONDITIONAL = phrase(
    r"^\W*(?:\d{1,3}\W+)?(?:如果|若|当|假如|一旦|遇到|除非|if|when|whenever|unless|in case|for)\b"
    r"|^\W*(?:\d{1,3}\W+)?(?:如果|若|当|假如|一旦|遇到|除非|对于)"
    r"|时[，,]|的情况下|\b(?:if|when|unless|only when|depending on)\b|除非|视.{0,10}而定",
)
SEQUENCED = phrase(
    r"先.{0,40}(?:再|后|然后)|随后|其次|\bfirst\b.{0,80}\bthen\b|\bfollowed by\b|\bthen\b", re.IGNORECASE
)
"""A sentence that orders two things asks for one after the other, not for both at once."""

ABOUT_ANSWER = phrase(
    r"回答|回复|答复|答案|输出|内容|篇幅|全文|正文|作答|解答|每次|所有问题"
    r"|\b(?:answers?|responses?|repl(?:y|ies)|outputs?|respond|everything|explanations?|it|them"
    r"|as possible)\b",
)
ABOUT_STYLE = phrase(
    r"语言|语气|表达|措辞|文风|风格|用词|文字|口吻|\b(?:tone|style|language|voice|wording|register"
    r"|writing)\b",
)
SPECIFIC_AFTER = phrase(
    r"的(?!回答|回复|答复|答案|输出|内容|语言|语气|表达|文风|风格|方式|口吻|解释|说明|形式|文字|$)"
    r"|(?:地|地去)?(?:说明|描述|介绍|解释|分析|列出|记录|阐述)(?!所有|每|全部|一切|各|$|\s*$)[\u4e00-\u9fff]"
    r"|(?:标题|摘要|步骤|信息|数据|日志|报告|总结|列表|清单|说明书|资料|分析|句子|段落|要点|结论|理由|原因"
    r"|计划|方案|地址|记录|文档)"
    r"|\s{1,20}(?!(?:and|as|but|or|yet|while|in|at|to|with|for|on|all|every|each|always|when|possible|way|manner"
    r"|tone|style|language|voice|wording|register"
    r"|writing|answers?|responses?|repl(?:y|ies)|outputs?|explanations?|information|paragraphs?)\b)[a-z]",
)
"""What follows the word makes it an attribute of something of its own ("详细步骤", "a short title")."""

PLAIN_ADJECTIVES = phrase(
    r"请|你|您|要|应当|应该|应|必须|务必|保持|尽可能|尽量|始终|一律|需要|需|做到|力求|追求|注重|确保|并且|并"
    r"|且|和|与|也|都|及|专业|友好|礼貌|耐心|清晰|准确|语句|总共|总计|一共|整体|总|越|可能|得|非常|十分|足够"
    r"|更|最|用|以|写|给出|提供|进行|使用|控制在|控制|字数|长度"
    r"|\b(?:be|being|keep|stay|remain|always|please|you|must|should|need|to|make|sure|ensure|your|the|all"
    r"|an?|very|really|and|or|is|are|as|also|give|provide"
    r"|write|use|answer|explain|in|of|both|total|overall|length|polite|friendly|clear|professional|warm"
    r"|accurate|helpful|patient|precise|direct|aim|for|strictly)\b",
)
"""What may stand before the word without giving it a subject of its own."""

FORBIDS = phrase(
    r"^\W*(?:\d{1,3}[.、)）]\W*)?(?:你|您|请|绝对|绝|严格|you\s+|please\s+)*(?:不要|不得|不能|不可以|不可"
    r"|不应|不许|不准|不允许|禁止|严禁|切勿|请勿|勿|never\b"
    r"|do not\b|don't\b|must not\b|should not\b|must never\b|can(?: )?not\b)\s*",
)

LIMITS = phrase(
    r"(?:(?P<most>不超过|不多于|最多|少于|控制在|不得超过|\bat most|\bno more than|\bunder|\bwithin"
    r"|\bmaximum(?: of)?|\bup to|\bfewer than|\bless than)"
    r"|(?:至少|不少于|不低于|多于|最少|超过|\bat least|\bno fewer than|\bno less than|\bminimum(?: of)?"
    r"|\bmore than|\bover))"
    r"\s*(?P<number>\d{1,7})\s*个?(?P<unit>字|词|句|段|行|条|words?|sentences?|paragraphs?|lines?"
    r"|characters?|bullets?)",
)

LANGUAGE_DEMANDS: dict[str, re.Pattern[str]] = {
    "zh": phrase(
        r"(?:只|仅|必须|始终|一律|全程|统一)(?:能|可|要)?(?:用|使用|以)(?:简体)?(?:中文|汉语)"
        r"|用(?:简体)?中文(?:回答|回复|输出|作答)"
        r"|\b(?:always|only|must|please)?\s*(?:answer|reply|respond|write"
        r"|output)\w*(?: only)? in (?:simplified )?chinese\b",
    ),
    "en": phrase(
        r"(?:只|仅|必须|始终|一律|全程|统一)(?:能|可|要)?(?:用|使用|以)(?:英文|英语)|用(?:英文|英语)(?:回答"
        r"|回复|输出|作答)"
        r"|\b(?:always|only|must|please)?\s*(?:answer|reply|respond|write|output)\w*(?: only)? in english\b",
    ),
}
