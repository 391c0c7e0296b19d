"""The words that name the parts of a prompt, in Chinese and English. Data, not code.

TITLES are looked for in headings, tag names and labels (Chinese anywhere in it, English as whole words);
SIGNS are looked for in sentences and need no heading.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from generation_service.text.phrases import phrase


class Part(StrEnum):
    """What a section of a prompt is for."""

    ROLE = "role"
    AUDIENCE = "audience"
    TASK = "task"
    INPUT = "input"
    RULES = "rules"
    PROHIBITION = "prohibition"
    OUTPUT = "output"
    FALLBACK = "fallback"
    DONE = "done"
    EXAMPLE = "example"


TITLES: dict[Part, tuple[str, str]] = {
    Part.ROLE: (
        "角色|身份|人设|人物设定|定位",
        "role|roles|persona|identity|profile|who you are|about you",
    ),
    Part.AUDIENCE: (
        "受众|读者|服务对象|目标用户|用户群|面向",
        "audience|reader|readers|target users|users",
    ),
    Part.TASK: (
        "任务|目标|目的|职责|工作流|流程|步骤|技能|能力|指令",
        (
            "task|tasks|goal|goals|objective|objectives|mission|instruction|instructions|workflow|workflows|skill|skills"
            "|responsibilities|steps|job|process|purpose|procedure|duties"
        ),
    ),
    Part.INPUT: ("输入|资料|素材|上下文", "input|inputs|source|material|context"),
    Part.RULES: (
        "约束|限制|规则|原则|准则|规范|要求|注意|禁止|边界|红线|守则",
        (
            "constraint|constraints|constrains|rule|rules|guideline|guidelines|requirement|requirements|restrictions"
            "|boundaries|limits|principles|policy|policies|do not|don't|dos and don'ts|notes"
        ),
    ),
    Part.PROHIBITION: (
        "禁止|不要|不得|禁区|红线|不做|非目标|边界|超出|不包括",
        (
            "do not|don't|never|prohibited|prohibitions|forbidden|avoid|non-goals|non-goal|out of scope|boundaries"
            "|not allowed"
        ),
    ),
    Part.OUTPUT: (
        "输出|格式|回复要求|回答要求|返回|交付|响应|回应|回复规范",
        "output|outputs|format|response|responses|deliverable|deliverables|answer format|reply format",
    ),
    Part.FALLBACK: (
        "兜底|异常|例外|边界情况|无法|不确定|超出|拒绝|升级|转人工|特殊情况|信息不足",
        (
            "fallback|fallbacks|edge cases|exceptions|uncertainty|out of scope|escalation|when unsure|if unsure|refusal"
            "|refusals|when in doubt|missing information"
        ),
    ),
    Part.DONE: (
        "完成标准|成功标准|验收|达成标准|非目标|不包括|不做|完成条件|质量标准",
        "done|success criteria|acceptance criteria|definition of done|non-goals|non-goal|out of scope|quality bar",
    ),
    Part.EXAMPLE: (
        "示例|样例|例子|范例|示范|举例",
        "example|examples|few-shot|few shot|sample|samples|demonstration|demonstrations",
    ),
}

_VERBS = (
    "write|summari[sz]e|translate|answer|generate|analy[sz]e|classify|extract|review|create|draft|explain|convert|rewrite"
    "|evaluate|compare|design|list|produce|identify|turn|help|read|plan|recommend|suggest|find|check|respond|describe"
    "|prepare|build|triage|resolve|support|guide|teach|assist|document"
)
_CHINESE_VERBS = (
    "根据|按照|依据|将|把|对|为|帮|帮助|协助|写|撰写|编写|生成|分析|总结|概括|翻译|回答|解答|提取|判断|审查|检查|评估"
    "|设计|制定|列出|改写|润色|分类|处理|阅读|介绍|推荐|规划"
)


@dataclass(frozen=True, slots=True)
class Signs:
    """A sentence shows the part when `alone` is found in it, or `condition` and `trouble` both are."""

    alone: re.Pattern[str]
    condition: re.Pattern[str] | None = None
    trouble: re.Pattern[str] | None = None


SIGNS: dict[Part, Signs] = {
    Part.ROLE: Signs(
        phrase(
            r"[你您](?:现在)?(?:是(?!否|不是|如何|怎)|作为|扮演|担任|将扮演|将作为|的角色|的身份)"
            r"|作为(?:一[名位个]|资深|专业)|扮演|担任|[你您]叫"
            r"|\byou(?: are|'re) (?:now )?(?:an?|the"
            r"|our|acting|working|[\w-]{2,30}, (?:an?|the|our))\b|\bact(?:ing)? as\b|\byour role\b"
            r"|\bthe role of\b|\byou (?:serve|work) as\b|^\W*as an? \w+",
        )
    ),
    Part.TASK: Signs(
        phrase(
            r"(?:你的|您的|主要|核心|本次)(?:任务|目标|职责|工作|使命)|任务是|目标是|职责是|负责|需要你"
            r"|[你您](?:需要|要|将|会|应|可以|能)"
            rf"|帮助|协助|解答|请[你您]?(?:{_CHINESE_VERBS}|用|以|从|在|给|完成)"
            rf"|^\W*(?:\d{{1,3}}\W+)?(?:{_CHINESE_VERBS})"
            r"|[，,](?:并)?(?:回答|解答|解决|撰写|编写|生成|翻译|总结|分析|处理|提供|审查)"
            r"|\byour (?:\w+ )?(?:task|job|goal|objective|mission|purpose|role is to)\b|\bresponsible for\b"
            rf"|\byou (?:\w+ )?(?:will|must|should|need to|{_VERBS})\b|^\W*(?:\d{{1,3}}\W+)?(?:please "
            rf"|now )?(?:{_VERBS})\b"
            rf"|\b(?:that|who|to) (?:{_VERBS})s?\b|\bhelps? ",
        )
    ),
    Part.OUTPUT: Signs(
        phrase(
            r"输出(?:格式|要求|规范|内容|结构|为|以|使用|成|一|\d|[:：]|.{0,12}(?:JSON|表格|列表|Markdown))"
            r"|(?:按|以|用|使用|采用)[^，,。\n]{0,20}(?:格式|形式|结构|JSON|Markdown|表格|列表|模板)"
            r"|返回[^，,。\n]{0,16}(?:JSON|格式|表格|列表)"
            r"|(?:只|仅)(?:输出|返回|回复)|(?<!\d)\d{1,7}\s{0,3}个?(?:字|词|句|段|行)(?:话|以内|之内|左右"
            r"|内)?|分(?:点|条|段)(?:列|说|作|回|陈|输)|一句话(?:总结|概括|回答|作答|输出|说明)"
            r"|\b(?:output|response|answer|reply)s? (?:format|in|as|with|must|should|only|is|has"
            r"|contains?)\b|\bformat(?:ted)?\b"
            r"|\b(?:respond|reply|answer|return|output|write|produce|present)\b[^.\n]{0,60}\b(?:json|xml"
            r"|yaml|csv|markdown|html"
            r"|table|list|bullets?|bullet points|sections?|headings?|paragraphs?|sentences?|lines?|words?)\b"
            r"|\b(?:output|return) only\b"
            r"|\b\d{1,7} (?:words|sentences|lines|bullets?|bullet points|paragraphs|characters)\b"
            r"|\bone (?:sentence|paragraph|line|word)\b",
        )
    ),
    Part.RULES: Signs(
        phrase(
            r"必须|不得|禁止|不要|只能|只用|只使用|仅[限能用使]|务必|应当|不能|不可|不应|严禁|切勿|请勿|避免"
            r"|不超过|最多|至少|不允许|一律"
            r"|\b(?:must|never|do not|don't|only|always|avoid|at most|no more than|at least|should not"
            r"|shouldn't|cannot|required to)\b",
        )
    ),
    Part.FALLBACK: Signs(
        alone=phrase(
            r"转人工|转接人工|人工客服|兜底|礼貌拒绝|婉拒|拒绝回答|(?:说明|回答|回复|告知)[“「\"]?我?(?:你"
            r"|自己)?不(?:知道|确定|清楚)"
            r"|\bescalat(?:e|es|ion)\b|\bhand (?:it |them )?(?:off|over)\b|\b(?:do not|don't) know\b"
            r"|\bclarifying question"
            r"|\bout[-\t]?(?: )?of[-\t]?(?: )?scope\b|\bwhen in doubt\b|\bpolitely decline\b",
        ),
        condition=phrase(
            r"如果|若|当|遇到|一旦|对于|凡|假如|时[，,]|\b(?:if|when|whenever|where|unless|otherwise|in case"
            r"|for any|for (?:requests|questions))\b",
        ),
        trouble=phrase(
            r"无法|不确定|不清楚|不知道|不足|缺少|缺失|没有|未[提找给说]|找不到|不存在|超出|范围外|无关"
            r"|不属于|模糊|歧义|不明确|不完整|为空|异常|有误|违法|不当"
            r"|敏感|拒绝|不支持|看不懂|不能"
            r"|\b(?:unsure|not|no|uncertain|unknown|missing|unclear|ambiguous|insufficient|incomplete|cannot"
            r"|can't|couldn't|lacks?"
            r"|empty|outside|off-topic|unrelated|doesn't|isn't|don't|fails?|invalid|illegal|unsafe|harmful"
            r"|conflicts?|unsupported"
            r"|nothing)\b",
        ),
    ),
}
