"""Findings that limit the overall score, and whether a text is a prompt at all.

A text is a prompt when one of these holds: titled sections (headings, tags, labels) announce two of role,
task, rules, output, fallback; a sentence orders a piece of language work ("请总结…", "你的任务是…",
"Translate …", "Your task is …"); a role is given ("你是一名…", "You are a …") together with a task, output,
rule, fallback or a demand for a style ("简洁", "be brief"); it has a variable or reference and shows any of these
parts. A poem, a greeting, small talk or a question about the weather shows none of them.
"""

from collections.abc import Iterator, Mapping

from generation_service.lint.checks.contradictions import asks_for_a_style, contradiction_pair
from generation_service.lint.checks.parts import evidence_of, sections_of
from generation_service.lint.values import Expectations
from generation_service.peqa.rubric import CAP_LIMITS
from generation_service.peqa.values import Cap, Outcome, Subject, Verdict
from generation_service.text.data_tables import bilingual_texts
from generation_service.text.document import Document
from generation_service.text.parts_vocabulary import Part
from generation_service.text.phrases import phrase
from generation_service.text.variables import PlaceholderKind

_PARTS = (Part.ROLE, Part.TASK, Part.RULES, Part.OUTPUT, Part.FALLBACK)
_LANGUAGE_WORK = phrase(
    r"(?:^|[，,])\W{0,20}(?:\d{1,3}\W{1,20})?(?:请你?(?:根据|按照|为|帮|将|把|对|用|以|从|写|生成|分析|总结|概括|翻译"
    r"|撰写|回答|提取|判断|阅读|检查|审查|评估|编写|设计|制定|列|改写|扮演)"
    r"|(?:写|撰写|编写|生成|翻译|总结|概括|提取|抽取|列出|改写|润色|回答|审查|评估|整理)(?:[^了着过的]|$)"
    r"|请[^，,\n]{0,12}(?:回答|回复|答复|作答|输出)"
    r"|(?:帮我|帮用户|扮演|把下面|将下面|根据下面|根据以下))"
    r"|你的(?:任务|职责|目标|工作)是|(?:任务|目标|职责)[:：]|需要你"
    r"|^\W*+(?:\d{1,3}\W++)?(?:please )?(?:write|summari[sz]e|translate|answer|generate|analy[sz]e|classify"
    r"|extract|review|draft"
    r"|explain|rewrite|respond|reply|return (?:only|the|an?|one|json|all|exactly)|output (?:only|the|an?|one"
    r"|json)|describe|act as)\b|\byour (?:task|job|goal|role|mission) is\b"
)
_ROLE_GIVEN = phrase(
    r"你是(?:一[名位个家款]|[“「]|资深|专业|[^，。\n]{0,20}(?:助手|专家|顾问|客服|工程师|老师|程序|机器人"
    r"|智能体|编辑|翻译|分析师|助理))|扮演"
    r"|\byou are (?:now )?(?:an?|the|our|[\w-]{2,30}, (?:an?|the|our))\b|\bact as\b"
)
_MUST = phrase(
    r"必须|务必|一定|不得|不要|禁止|严禁|不可|不能|只能|仅|一律|始终|\b(?:must|never|always|only|do not"
    r"|don't|required)\b"
)


def is_prompt(document: Document) -> bool:
    """True when the text tells a model what to do."""
    if sum(any(True for _ in sections_of(document, part)) for part in _PARTS) > 1:
        return True
    if any(_LANGUAGE_WORK.search(sentence.text) for sentence in document.sentences):
        return True
    has_role = any(_ROLE_GIVEN.search(sentence.text) for sentence in document.sentences)
    shown = [part for part in _PARTS if evidence_of(document, part) is not None]
    if has_role and (set(shown) - {Part.ROLE} or asks_for_a_style(document)):
        return True
    kinds = {each.kind for each in document.placeholders}
    return bool(shown) and bool(kinds & {PlaceholderKind.VARIABLE, PlaceholderKind.REFERENCE})


def caps_of(subject: Subject, outcomes: Mapping[str, Outcome]) -> tuple[Cap, ...]:
    """The caps that apply, lowest limit first."""
    found = dict(_found(subject, outcomes))
    messages = bilingual_texts("generation_service.peqa", "cap_messages.toml")
    caps = (Cap(name, CAP_LIMITS[name], check, messages[name][subject.language]) for name, check in found.items())
    return tuple(sorted(caps, key=lambda cap: cap.limit))


def _found(subject: Subject, outcomes: Mapping[str, Outcome]) -> Iterator[tuple[str, str | None]]:
    document = subject.document
    if not document.text.strip():
        yield "empty", None
        return
    if not is_prompt(document):
        yield "not_a_prompt", None
    if outcomes["R6"].verdict is Verdict.NOT:
        yield "secret", "R6"
    if outcomes["R5"].verdict is Verdict.NOT:
        yield "broken_contract", "R5"
    if outcomes["C2"].verdict is Verdict.NOT and _is_between_musts(document):
        yield "contradiction", "C2"
    if outcomes["K1"].verdict in {Verdict.PARTLY, Verdict.NOT}:
        yield "missing_must", "K1"


def _is_between_musts(document: Document) -> bool:
    """True when a contradicting rule is worded as a must."""
    for hit in contradiction_pair(document, Expectations()):
        line = document.line_at(hit.start)
        start = max(line.start, hit.start - 100)
        if _MUST.search(document.text[start : min(line.end, hit.end + 100)]):
            return True
    return False
