"""What kind of requirement a clause is, from the words it uses and the label it stands under."""

import re

from generation_service.requirements.concepts import ConceptMatch
from generation_service.requirements.rule_parser.clauses import acts, trimmed
from generation_service.requirements.values import RequirementKind

_LABELS: tuple[tuple[RequirementKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (RequirementKind.EXAMPLE, r"例|\bexamples?\b|\bsamples?\b"),
        (RequirementKind.TONE, r"语气|风格|口吻|文风|调性|\btone\b|\bstyle\b|\bvoice\b"),
        (RequirementKind.FORMAT, r"格式|结构|输出|返回|版式|\bformat\b|\boutput\b|\bstructure\b"),
        (RequirementKind.AUDIENCE, r"受众|读者|用户群|面向|对象|目标用户|\baudience\b|\breaders?\b|\busers?\b"),
        (RequirementKind.SAFETY, r"安全|隐私|合规|\bsafety\b|\bprivacy\b|\bcompliance\b"),
        (
            RequirementKind.CONSTRAINT,
            r"禁止|约束|限制|不要|红线|规则|\bconstraints?\b|\brules?\b|\blimits?\b|\bdon'ts?\b",
        ),
        (RequirementKind.KNOWLEDGE, r"背景|知识|资料|业务|公司|\bbackground\b|\bcontext\b|\bknowledge\b|\babout us\b"),
        (RequirementKind.CAPABILITY, r"功能|能力|任务|职责|\bfeatures?\b|\bcapabilit\w+|\btasks?\b|\bskills?\b"),
        (RequirementKind.GOAL, r"目标|目的|\bgoals?\b|\bpurpose\b|\bobjective\b"),
    )
)
_SIGNS: tuple[tuple[RequirementKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            RequirementKind.EXAMPLE,
            r"^(?:例如|比如|举例|示例|例子)|^(?:for example|e\.g\.|example|for instance)|(?:->|=>|→)",
        ),
        (
            RequirementKind.SAFETY,
            (
                r"隐私|敏感信息|个人信息|泄露|保密|机密|\bprivacy\b|\bpersonal (?:data|information)\b|\bconfidential\b"
                r"|\bpii\b"
            ),
        ),
        (
            RequirementKind.AUDIENCE,
            (
                r"^(?:面向|针对|服务于|用户是|用户为|受众|读者|使用者)|^(?:交|发|提供)?给.{1,14}?(?:看|使用|用|读|参考|阅读)的?$"
                r"|^.{1,10}(?:看|用)的$|^(?:for|aimed at|targeting)\b(?! (?:example"
                r"|each|every|all"
                r"|any))|\b(?:readers|users|audience) (?:is|are)\b"
            ),
        ),
        (
            RequirementKind.TONE,
            r"^(?:语气|风格|口吻|文风)|^(?:tone|style|voice)\b",
        ),
        (
            RequirementKind.FORMAT,
            (
                r"输出(?!语言)|格式|JSON|表格|Markdown|CSV|XML|标题|段落|分段|字段|模板|\b(?:json|markdown|csv|xml"
                r"|yaml|table|bullets?"
                r"|headings?|format\w*|template|sections?)\b"
            ),
        ),
        (
            RequirementKind.CONSTRAINT,
            (
                r"不要|不能|不得|不可|禁止|严禁|切勿|避免|必须|只能|只|仅|不超过|最多|至少|以内|不许|勿"
                r"|(?:^|[，都也就])不[^同断仅管论过]|\b(?:never|not|don['’]?t|doesn['’]?t"
                r"|must|only|no|avoid|without|at most|at least|under|within|limit|always|refuse|cannot)\b"
            ),
        ),
        (RequirementKind.TONE, r"语气|风格|口吻|文风|称呼|\btone\b|\bin the style\b"),
        (
            RequirementKind.KNOWLEDGE,
            (
                r"^(?:客户|对方|用户|学生|员工)[^，]*了$"
                r"|^(?:我们|本公司|我司|公司|产品|背景)|知识库|^熟悉|^精通|^了解|\b(?:we are|our company|based on"
                r"|familiar with|knowledge of"
                r"|expert in|knows?|using our|according to)\b"
            ),
        ),
    )
)
_SHAPE = re.compile(
    r"输出|格式|表格|字段|\b(?:json|markdown|csv|xml|yaml|tables?|bullets?|format\w*|output)\b", re.IGNORECASE
)
_MODAL = re.compile(
    r"(?:(?:它|他|她|该智能体|智能体|机器人|客服|助手)?(?:需要|要求|应该|应当|应|要|必须|务必|得|希望|最好|尽量"
    r"|能够|可以|请)+(?:能够|能|会|可以|做到|具备)?)(?!求)"
    r"|(?:(?:it|he|she|they|the (?:agent|bot|assistant|chatbot|tool|model)|this agent|that|which|who"
    r"|you)\s+)?(?:also\s+)?(?:needs? to|has to|have to|must(?! not)|should(?! not)|shall|will|can"
    r"|is able to|is expected to|ideally|preferably|please|make sure (?:that )?(?:it|to))\s+(?:also\s+"
    r"|be able to\s+)?",
    re.IGNORECASE,
)


def kind_of(text: str, label: str, matches: tuple[ConceptMatch, ...]) -> RequirementKind:
    """Name the kind of a clause: its label first, then its known words, then its signs.

    Without any of them it is a capability when it begins with a deed, else a constraint: how the result has to be.
    """
    if label == RequirementKind.EXAMPLE.value:
        return RequirementKind.EXAMPLE
    for kind, pattern in _LABELS:
        if label and pattern.search(label):
            return kind
    if matches and 2 * sum(match.end - match.start for match in matches) >= len(text):
        return matches[0].concept.kind
    for kind, pattern in _SIGNS:
        # "找出与模板不一致的条款" is a deed that happens to name a template.
        if pattern.search(text) and not (kind is RequirementKind.FORMAT and acts(text) and not _SHAPE.search(text)):
            return kind
    return RequirementKind.CAPABILITY if acts(text) else RequirementKind.CONSTRAINT


def without_modal(text: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a span past "需要", "it should": what is left is what to do."""
    match = _MODAL.match(text, start, end)
    if match and match.end() < end and text[match.end() : end].strip():
        return trimmed(text, match.end(), end)
    return trimmed(text, start, end)
