"""What the work is about, in the user's own nouns: what comes in, what goes out, and what the work is called."""

import re
from dataclasses import dataclass, replace

from generation_service.requirements.values import Requirement, RequirementKind
from generation_service.text.language import Language, is_in
from generation_service.writing.blocks import AgentBlock, frame
from generation_service.writing.phrasing import (
    fill,
    imperative,
    is_agent,
    is_negative,
    is_order,
    lowered,
    tidy,
    with_article,
)

_LONGEST_ZH, _LONGEST_EN = 22, 80
_AGENT_SUFFIX_ZH = re.compile(
    r"(?:的)?(?:小|智能)?(?:智能体|助手|助理|机器人|专家|顾问|老师|系统|工具|客服|专员|秘书|管家|生成器|agent|bot)$",
    re.IGNORECASE,
)
_DEED_ZH = re.compile(r"[把将从先写做看改查给帮]")
_NOTHING = re.compile(r"(?:something|anything|it|them|stuff|things?|me|us)$|(?:一[些个]|东西|内容)$", re.IGNORECASE)
_DETERMINED = re.compile(r"(?:the|an?|our|my|your|their|its|each|every|all|any)\b|(?<!\w)\w+['’]s\b", re.IGNORECASE)
_DOCUMENT_ZH = re.compile(
    r"(?:通知|公告|日志|报告|周报|日报|月报|季报|总结|摘要|邮件|方案|清单|文案|PPT|简历|纪要|说明|手册|材料|稿|信|单|表|书)$"
)
_DOCUMENT_EN = re.compile(
    r"\b(?:reports?|notes|e?mails?|memos?|summar(?:y|ies)|newsletters?|letters?|plans?|slides?|announcements?|notices?"
    r"|briefs?|minutes|digests?|changelogs?|posts?|outlines?|agendas?|proposals?)\b",
    re.IGNORECASE,
)
_MATERIAL_ZH = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:根据|按照|基于|对照)([^，。；]{2,16}?)(?=给出|出|写|生成|判断|推荐|整理|回答|列|制定|评|筛|，|$)",
        r"把([^，。；]{2,14}?)(?=整理|整成|改写|改成|写成|翻译|译|转|变成|总结|归纳|做成|提炼)",
        r"从([^，。；]{2,14}?)(?=中|里|提取|抽取|找|摘|整理)",
        r"^先?看([^，。；]{2,16}?)(?=判断|给出|写|识别|分析|，|$)",
        r"(?:用户|员工|客户|同事)(?:贴|发|上传|提供|提交|输入)([^，。；]{2,14}?)(?=比如|例如|如|，|$)",
        r"^([^，。；]{2,16}?)(?:给你|发你)(?=，|$)",
    )
)
_PRODUCT_ZH = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:整|改写|整理|总结|归纳|写|变|转|做|提炼)成([^，。；]{2,20})",
        r"(?:生成|起草|撰写|编写|写出|产出|制作|找出|写(?![清明作法])|做(?![到好法]))([^，。；]{2,14})$",
        r"给出([^，。；]{2,20})",
        r"(?<![输写指列找提突])出(?![现题错于])([^，。；]{2,12})",
        r"(?:告诉|告知)(?:他们?|她|用户|对方|客户|员工)?([^，。；]{2,20})",
    )
)
_END_EN = (
    r"(?=\s+(?:into|to|and|or|for|from|in|with|that|before|per|about|against|so|on|by|weekly|daily|monthly)\b|[,.;:]|$)"
)
_MATERIAL_EN = tuple(
    re.compile(pattern + rf"((?:the |our |my )?[\w'’/-]+(?: [\w'’/-]+){{0,5}}?){_END_EN}", re.IGNORECASE)
    for pattern in (
        r"\b(?:turn|rewrite|convert|compare|summari[sz]e|review|read|analy[sz]e|reconcile|clean)(?:s|ing)?(?: up)? ",
        r"\b(?:from|given|based on) ",
    )
)
_PRODUCT_EN = (
    re.compile(r"\binto ([^.;]{3,80})", re.IGNORECASE),
    re.compile(
        rf"\b(?:draft|write|propose|generate|produce|create|prepare|compose)(?:s|ing)? "
        rf"([\w'’/-]+(?: [\w'’/-]+){{0,6}}?){_END_EN}",
        re.IGNORECASE,
    ),
)
# An agent that talks with people gets messages and gives replies.
_SPOKEN = re.compile(
    r"问(?!题)|回答|答复|回复|对话|聊天|消息|说一句|咨询|机器人"
    r"|\b(?:bots?|chatbots?|asks|ask (?:for|the|users?)|answers?|repl(?:y|ies)|chats?|messages?|talks?)\b",
    re.IGNORECASE,
)
_TELLING = frozenset({RequirementKind.GOAL, RequirementKind.CAPABILITY, RequirementKind.CONSTRAINT})


@dataclass(frozen=True, slots=True)
class Subject:
    """Names for the work, for what it starts from and for what it makes; neutral ones where the user gave none."""

    work: str
    material: str
    product: str
    makes_something: bool


def subject_of(requirements: tuple[Requirement, ...], language: Language) -> Subject:
    """Find the user's nouns; where there are none, or in another language, neutral words stand in."""
    stated = [tidy(each.source_quote or "") for each in requirements if not each.inferred and each.kind in _TELLING]
    texts = [text for text in stated if text and is_in(text, language) and not is_negative(text)]
    goal = next((tidy(each.source_quote or "") for each in requirements if each.kind is RequirementKind.GOAL), "")
    goal = goal if goal in texts else ""
    materials, products = (_MATERIAL_ZH, _PRODUCT_ZH) if language == "zh" else (_MATERIAL_EN, _PRODUCT_EN)
    found = {
        "work": _work_zh(goal) if language == "zh" else _work_en(goal),
        "material": _first(materials, texts),
        "product": _document(goal, language) or _first(products, texts),
    }
    if language == "en" and found["material"] and not _DETERMINED.match(found["material"]):
        found["material"] = f"the {found['material']}"
    manner = "spoken" if any(_SPOKEN.search(text) for text in texts) else "no"
    return Subject(
        work=found["work"] or frame("no_work", language),
        material=found["material"] or frame(f"{manner}_material", language),
        product=found["product"] or frame(f"{manner}_product", language),
        makes_something=bool(found["product"]),
    )


def tailored(block: AgentBlock, subject: Subject, language: Language) -> AgentBlock:
    """Put the user's nouns into the slots of a block; a block without slots stays as it is."""

    def said(text: str) -> str:
        filled = fill(text, work=subject.work, material=subject.material, product=subject.product)
        return filled[:1].upper() + filled[1:] if language == "en" and text.startswith("{") else filled

    def all_said(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(said(text) for text in texts)

    goal = block.goal
    if "{product}" in goal and not subject.makes_something:
        goal = frame("no_product_goal", language)
    return replace(
        block,
        role=said(block.role),
        goal=said(goal),
        done=all_said(block.done),
        non_goals=all_said(block.non_goals),
        inputs=tuple(replace(each, description=said(each.description)) for each in block.inputs),
        steps=all_said(block.steps),
        rules=all_said(block.rules),
        output=all_said(block.output),
        unsure=all_said(block.unsure),
    )


def _first(patterns: tuple[re.Pattern[str], ...], texts: list[str]) -> str:
    for pattern in patterns:
        for text in texts:
            match = pattern.search(text)
            if match and not _NOTHING.match(match[1].strip()):
                return _AGENT_SUFFIX_ZH.sub("", match[1]).strip()
    return ""


def _document(goal: str, language: Language) -> str:
    """A goal that names a document ("幼儿园家长群通知", "release notes from git commits") is itself what is made."""
    if language == "zh":
        bare = re.sub(r"^(?:写|做|起草|撰写|编写|生成|制作)(?:一?[份篇封个])?", "", goal)
        return bare if len(bare) <= _LONGEST_ZH and _DOCUMENT_ZH.search(bare) else ""
    if not goal or is_order(goal) or is_agent(goal):
        return ""
    noun = re.split(r"\s(?:from|for|about|of|in)\s", goal)[0]
    if len(noun) > _LONGEST_EN or not _DOCUMENT_EN.search(noun):
        return ""
    return noun if noun.endswith("s") else with_article(noun)


def _work_zh(goal: str) -> str:
    bare = _AGENT_SUFFIX_ZH.sub("", goal)
    if not 2 <= len(bare) <= _LONGEST_ZH:
        return ""
    return fill(frame("task_of", "zh"), goal=bare) if _DEED_ZH.match(bare) else bare


def _work_en(goal: str) -> str:
    if not goal or len(goal) > _LONGEST_EN:
        return ""
    if is_order(goal):
        return fill(frame("task_of", "en"), goal=lowered(imperative(goal)))
    if is_agent(goal):
        return fill(frame("job_of", "en"), goal=with_article(goal))
    return goal if re.match(r"(?:the|our|my)\b", goal, re.IGNORECASE) else f"the {lowered(goal)}"
