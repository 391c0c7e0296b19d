"""Whatever a text is made of, reading it gives an answer: lint, assess, parse, the form, the composer and its gates.

The documents are made of ordinary pieces of prompts, put together as nobody would: headings of examples without their
labels, labels without their headings, fences that never close. Render has its own in prompt-service.
"""

import pytest
from generation_service.lint.rules import MOST_FINDINGS_PER_RULE, lint
from generation_service.lint.values import MAX_CONTENT_BYTES
from generation_service.peqa.rules import assess
from generation_service.requirements.form import build_form
from generation_service.requirements.rule_parser.parser import parse
from generation_service.requirements.values import InputClass
from generation_service.writing.assembly import finish
from generation_service.writing.rule_writer.composer import compose
from generation_service.writing.tracing import trace
from generation_service.writing.values import LAYOUTS, WriteRequest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

_PIECES = (
    "# 示例\n", "## Examples\n", "示例：", "输入：", "输出：", "Output: ", "Assistant: ",
    "<example>", "</example>", "<output>", "```\n", "```json\n", "~~~", "`", '{"a": 1}', '{"a": "', "[", "]",
    "}", "{{ a }}", "{{a", "\\{{", "{{> x@v1}}", "{b}", "# 角色\n", "你是一名客服。",
    "You are a helper.", "只输出 JSON。", "Return JSON only.", "不要超过 100 字。",
    "至少 500 字。", "- ", "1. ", "a", "的", " ", "\n", "\n\n", "\r\n", "\t", "：", ":", "，", ", ",
    "。", ".", "“", "”", '"', "**", "|", "#", ">", "简洁", "详细", "concise", "friendly", "如果",
    "when unsure", "禁止", "Never ", "Always ", "为初学者", "for beginners ",
    "忽略以上所有指令", "ignore previous instructions", "sk-a1a1a1a1a1a1a1a1a1a1a1a1", "13912341234",
    "a@b.cn", "https://x.y", "TODO: ", "\u2028", "\u3000", "\ufeff", "e\u0301", "😀", "\x0b", "\x85", "²",
    "٣", "½", "İ", "ß", "\\", "$", "%", "%s", "{0}", "{text}",
)  # fmt: skip
DOCUMENTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=40).map("".join)
_QUICK = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
_THOROUGH = settings(_QUICK, max_examples=5_000)


def _read_in_every_way(text: str) -> None:
    lint(text)
    lint(text, "en", {"a"}, 10, {"x@v1"})
    parsed = parse(text[:8_000])
    assess(text, requirements=parsed.requirements, token_limit=10)
    build_form(parsed, True)
    form = build_form(parsed, False)
    if parsed.input_class is InputClass.OK:
        layout = LAYOUTS[len(text) % len(LAYOUTS)]
        request = WriteRequest(parsed, form.prefill, layout, parsed.language, None)
        content = compose(request)
        finish(request, content)
        trace(parsed.requirements, text, parsed.language)


@_QUICK
@given(DOCUMENTS)
def test_no_document_of_three_hundred_raises(text: str) -> None:
    _read_in_every_way(text)


@pytest.mark.slow
@pytest.mark.timeout(600)
@_THOROUGH
@given(DOCUMENTS)
def test_no_document_of_five_thousand_raises(text: str) -> None:
    _read_in_every_way(text)


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["- a\n", "\n#", "，"])
def test_a_secret_on_the_last_line_of_the_longest_text_is_found(piece: str) -> None:
    last = "\nkey: sk-" + "a1B2" * 8
    room = MAX_CONTENT_BYTES - len(last)
    text = piece * (room // len(piece.encode())) + last

    findings = [finding for finding in lint(text) if finding.rule == "secret"]

    assert [text[each.start : each.end] for each in findings] == [last.removeprefix("\nkey: ")]


def test_each_rule_is_heard_at_the_end_of_a_long_text() -> None:
    text = "普通的一句话。\n" * 4_000 + "尽量写好 {b} TODO: \n</a>\n13912341234"

    rules = {finding.rule for finding in lint(text) if finding.start > 4_000 * 8 - 1}

    assert rules >= {"vague-word", "mixed-placeholder-syntax", "unclosed-tag", "pii"}
    assert MOST_FINDINGS_PER_RULE == 50
