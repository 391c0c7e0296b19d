"""The answer to a parse call: requirements whose quotes are truly in the description."""

import re

from vendor_fakes.dashscope.json_types import JsonObject, JsonValue

_CLAUSE = re.compile(r"[^，。；、！？,;.!?\n]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_MAX_REQUIREMENTS = 12
_MIN_CLAUSE_CHARS = 2

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("safety", re.compile(r"安全|隐私|合规|拒绝|敏感|never reveal|privacy|safe|refus", re.IGNORECASE)),
    ("format", re.compile(r"格式|表格|列表|json|markdown|标题|table|bullet|format", re.IGNORECASE)),
    (
        "constraint",
        re.compile(r"不要|不得|必须|不能|字以内|最多|至少|must|never|only|at most|don't|words", re.IGNORECASE),
    ),
    (
        "tone",
        re.compile(r"专业|耐心|友好|语气|礼貌|亲切|幽默|tone|polite|friendly|patient|professional", re.IGNORECASE),
    ),
    ("knowledge", re.compile(r"知识|文档|资料|手册|knowledge|docs|manual|policy", re.IGNORECASE)),
    (
        "audience",
        re.compile(r"面向|用户是|给.{1,8}用|学生|客户|新手|for (?:the )?\w+s\b|audience|beginner", re.IGNORECASE),
    ),
    ("example", re.compile(r"例如|比如|示例|e\.g|for example", re.IGNORECASE)),
)
_UNSAFE = re.compile(r"炸弹|制毒|恶意软件|钓鱼网站|malware|ransomware|phishing|a bomb", re.IGNORECASE)
_QUESTION = re.compile(
    r"^(今天|明天|现在).{0,12}(吗|呢|怎么样|几点|多少)|^what('s| is) the (weather|time)", re.IGNORECASE
)
_VAGUE_CHARS = 3

_AGENTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("customer_service", re.compile(r"客服|售后|support|customer service", re.IGNORECASE)),
    ("translation", re.compile(r"翻译|translat", re.IGNORECASE)),
    ("code_review", re.compile(r"code review|代码审查|代码评审", re.IGNORECASE)),
    ("copywriting", re.compile(r"文案|\bcopy\b|slogan", re.IGNORECASE)),
    ("technical_writing", re.compile(r"写作|文章|文档|\bdocs?\b|\bwrit(?:e|es|er|ing)\b", re.IGNORECASE)),
    ("coding", re.compile(r"代码|编程|\bcode|program", re.IGNORECASE)),
    ("data_analysis", re.compile(r"数据|分析|报表|data|analy", re.IGNORECASE)),
    ("tutoring", re.compile(r"教学|老师|辅导|学习|teach|tutor", re.IGNORECASE)),
)
_UNKNOWNS: dict[str, list[tuple[str, str, str]]] = {
    "zh": [
        ("这个智能体主要服务哪一类用户？", "受众决定用词和解释的深浅。", "high"),
        ("遇到无法处理的请求时应该转给谁？", "没有出口时，模型会编造答案。", "high"),
        ("回答需要固定的格式或长度吗？", "固定的输出便于检验。", "medium"),
    ],
    "en": [
        ("Who are the main users of this agent?", "The audience decides wording and depth.", "high"),
        (
            "Where should requests go that the agent cannot handle?",
            "Without a way out a model invents answers.",
            "high",
        ),
        ("Do answers need a fixed format or length?", "A fixed output can be checked.", "medium"),
    ],
}


def parse_answer(description: str, language: JsonValue, schema: JsonObject) -> JsonObject:
    """The parse of a description, limited to the properties and enums that the schema knows."""
    speech = language if language in {"zh", "en"} else ("zh" if _HAN.search(description) else "en")
    answer: JsonObject = {
        "language": speech,
        "input_class": _input_class(description),
        "agent_type": next((name for name, pattern in _AGENTS if pattern.search(description)), "general"),
        "requirements": list(_requirements(description, str(speech))),
        "unknowns": [
            {"question": question, "why": why, "impact": impact} for question, why, impact in _UNKNOWNS[str(speech)]
        ],
    }
    known = schema.get("properties")
    return (
        {name: _fitting(known.get(name), value) for name, value in answer.items() if name in known}
        if isinstance(known, dict)
        else answer
    )


def _fitting(schema: JsonValue, value: JsonValue) -> JsonValue:
    enum = schema.get("enum") if isinstance(schema, dict) else None
    if isinstance(enum, list) and enum and value not in enum:
        return "general" if "general" in enum else enum[-1]
    return value


def _input_class(description: str) -> str:
    if _UNSAFE.search(description):
        return "unsafe"
    if _QUESTION.search(description.strip()):
        return "not_a_prompt_request"
    return "too_vague" if len(description.strip()) < _VAGUE_CHARS else "ok"


def _requirements(description: str, language: str) -> list[JsonValue]:
    clauses = [match.group().strip() for match in _CLAUSE.finditer(description)]
    clauses = [clause for clause in dict.fromkeys(clauses) if len(clause) >= _MIN_CLAUSE_CHARS][:_MAX_REQUIREMENTS]
    found: list[JsonValue] = []
    for position, clause in enumerate(clauses):
        kind = "goal" if position == 0 else _kind(clause)
        priority = "should" if kind in {"tone", "example"} else "must"
        found.append({"kind": kind, "text": clause, "source_quote": clause, "priority": priority})
    assumed = "不知道答案时直接说明，不编造内容" if language == "zh" else "Say so when the answer is not known"
    return [*found, {"kind": "safety", "text": assumed, "source_quote": None, "priority": "should"}]


def _kind(clause: str) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.search(clause)), "capability")
