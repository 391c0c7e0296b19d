"""Each rule strikes where it should and nowhere else, in both languages."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

import pytest
from generation_service.lint.rules import MOST_FINDINGS_PER_RULE, RULES, lint, messages
from generation_service.lint.values import RuleName
from generation_service.text.language import Language

GOOD = {path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "good").glob("*.md"))}
ZH = GOOD["zh_markdown_support"]
EN = GOOD["en_markdown_docs"]
ZH_JSON = GOOD["zh_json_extract"]
EN_JSON = GOOD["en_json_extract"]


class Case(NamedTuple):
    """A defective prompt and its sound twin; `quote` is what the finding must point at, None for the whole text."""

    rule: str
    bad: str
    good: str
    quote: str | None = None
    language: Language | None = None


def without(text: str, *titles: str) -> str:
    """The prompt without the sections of these titles."""
    kept: list[str] = []
    dropping = False
    for line in text.split("\n"):
        if line.startswith("#"):
            dropping = line.lstrip("# ") in titles
        if not dropping:
            kept.append(line)
    return "\n".join(kept)


def plus(text: str, *lines: str) -> str:
    return text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"


NO_ROLE_ZH = "# 任务\n把下面的会议记录整理成待办清单，每项写明负责人和截止日期。\n\n# 规则\n- 必须保留原文日期。\n"
NO_ROLE_EN = (
    "# Task\nTurn the meeting notes into to-dos with owner and due date.\n\n# Rules\n- Keep dates as written.\n"
)
ONLY_ROLE_ZH = "你是一名有十年经验的注册会计师，读者是小微企业主，语气平和，熟悉增值税和个人所得税的常见政策。"
ONLY_ROLE_EN = "You are a certified accountant with ten years of practice. Your readers are owners of small companies."

CASES = [
    Case("empty", " \n\t\n", "你好", ""),
    Case("too-short", "你是客服，回答问题。", ZH),
    Case("too-short", "You are a bot. Answer.", EN),
    Case("too-long", ZH + "资料：" + "甲乙丙丁戊己庚辛。" * 2_400, ZH),
    Case("too-long", EN + "Facts: " + "alpha beta gamma delta. " * 900, EN),
    Case("var-malformed", plus(ZH, "<p>{{ 用户问题 }}</p>"), plus(ZH, r"<p>\{{ 用户问题 }}</p>"), "{{ 用户问题 }}"),
    Case("var-malformed", plus(EN, "<p>{{ user.name }}</p>"), plus(EN, "<p>{{ user_name }}</p>"), "{{ user.name }}"),
    Case("var-malformed", plus(EN, "<p>{{ open"), plus(EN, '```json\n{"a": {"b": 1}}\n```'), "{{ open"),
    Case("mixed-placeholder-syntax", plus(ZH, "套餐名称是 {plan}。"), plus(ZH, "接口为 `GET /users/{id}`。"), "{plan}"),
    Case("mixed-placeholder-syntax", plus(EN, "The plan is ${plan}."), plus(EN, "Call /users/{id} once."), "${plan}"),
    Case("ref-unresolved", plus(ZH, "{{> 公共规则 }}"), plus(ZH, "{{> shared/rules@production }}"), "{{> 公共规则 }}"),
    Case("ref-unresolved", plus(EN, "{{> shared/rules }}"), plus(EN, "{{> shared/rules@v3}}"), "{{> shared/rules }}"),
    Case("no-role", NO_ROLE_ZH, plus(NO_ROLE_ZH, "你是一名会议秘书。"), ""),
    Case("no-role", NO_ROLE_EN, plus(NO_ROLE_EN, "You are a meeting secretary."), ""),
    Case("no-role", plus(NO_ROLE_EN, "If you are unsure, ask."), plus(NO_ROLE_EN, "Act as a secretary."), ""),
    Case("no-task", ONLY_ROLE_ZH, plus(ONLY_ROLE_ZH, "请根据用户的描述判断适用的税率。"), ""),
    Case("no-task", ONLY_ROLE_EN, plus(ONLY_ROLE_EN, "Answer their questions about tax."), ""),
    Case("no-output-format", without(ZH, "输出格式"), ZH, ""),
    Case("no-output-format", without(EN, "Output format"), EN, ""),
    Case("no-constraints", ONLY_ROLE_ZH, plus(ONLY_ROLE_ZH, "必须注明政策文号。"), ""),
    Case("no-constraints", ONLY_ROLE_EN, plus(ONLY_ROLE_EN, "Always name the law."), ""),
    Case("no-fallback", without(ZH_JSON, "异常处理"), ZH_JSON, ""),
    Case("no-fallback", without(EN, "When information is missing"), EN, ""),
    Case("vague-word", plus(ZH, "回答时尽量使用数字。"), plus(ZH, "不要使用“尽量”“适当”这类含糊的词。"), "尽量"),
    Case(
        "vague-word",
        plus(ZH, "给出一些建议。"),
        plus(ZH, "过滤不适当的内容，如果用户提供了一些线索，列出它们。"),
        "一些",
    ),
    Case("vague-word", plus(EN, "Try to be polite."), plus(EN, "Do not try to guess the currency."), "Try to"),
    Case("vague-word", plus(EN, "Maybe add a table."), plus(EN, 'Avoid words such as "maybe" and "perhaps".'), "Maybe"),
    Case(
        "contradiction-pair",
        plus(ZH, "回答要简洁。", "所有回答都必须非常详细。"),
        plus(ZH, "语言简洁。", "列出详细步骤。"),
        "详细",
    ),
    Case(
        "contradiction-pair", plus(ZH, "用中文回答。", "必须使用英文输出。"), plus(ZH, "用中文回答。", "术语保留英文。")
    ),
    Case(
        "contradiction-pair",
        plus(ZH, "必须提供报价单。", "不要提供报价单。"),
        plus(ZH, "如果客户要求，不要提供报价单。"),
    ),
    Case("contradiction-pair", plus(ZH, "回答不少于 500 字。"), plus(ZH, "每段不少于 50 字。")),
    Case(
        "contradiction-pair",
        plus(EN, "Be concise.", "Give detailed answers."),
        plus(EN, "Be concise.", "Write detailed steps."),
        "detailed",
    ),
    Case(
        "contradiction-pair",
        plus(EN, "Keep answers brief.", "Answer in depth."),
        plus(EN, "Keep answers brief.", "If asked, answer in depth."),
    ),
    Case(
        "contradiction-pair",
        plus(EN, "Always cite a source.", "Never cite a source."),
        plus(EN, "Never cite a blog.", "Always cite a source."),
    ),
    Case(
        "contradiction-pair",
        plus(EN, "Use a formal tone.", "Use a casual tone."),
        plus(EN, "Use a formal tone, not a casual one."),
    ),
    Case(
        "duplicate-rule",
        plus(ZH, "- 每步只包含一个动作。", "- 必须每步只包含一个动作。"),
        plus(ZH, "- 每步最多两句话。"),
    ),
    Case(
        "duplicate-rule",
        plus(EN, "- Always use the present tense and the active voice."),
        plus(EN, "- Use short names."),
    ),
    Case(
        "negative-only",
        plus(ZH, "## 补充规则", "- 不要闲聊。", "- 不得猜测。", "- 禁止争辩。"),
        plus(ZH, "## 禁止事项", "- 不要闲聊。", "- 不得猜测。", "- 禁止争辩。"),
    ),
    Case(
        "negative-only",
        plus(EN, "## More rules", "- Never guess.", "- Don't argue.", "- Avoid slang."),
        plus(EN, "## More rules", "- Never guess; ask instead.", "- Don't argue.", "- Avoid slang."),
    ),
    Case("unclosed-tag", ZH.replace("</customer_message>", ""), ZH, "<customer_message>"),
    Case("unclosed-tag", EN.replace("<source_code>", "", 1), EN, "</source_code>"),
    Case("unclosed-tag", ZH_JSON.replace("\n}\n```", "\n}"), ZH_JSON, "```json"),
    Case("unclosed-tag", plus(EN, "<note>", "Keep it."), plus(EN, "Write <note> in front of remarks.<br>"), "<note>"),
    Case("heading-skip", ZH.replace("## 目标", "### 目标"), ZH, "### 目标"),
    Case("heading-skip", EN.replace("## Rules", "#### Rules"), plus(EN, "```\n# a\n### b\n```"), "#### Rules"),
    Case("language-mismatch", EN, ZH, None, "zh"),
    Case("language-mismatch", ZH, EN, None, "en"),
    Case(
        "language-mismatch",
        plus(ZH, *["Always answer the customer in a calm and friendly way today."] * 12),
        plus(ZH, "Always answer the customer in a calm and friendly way today."),
    ),
    Case("language-mismatch", plus(EN, *["请始终用平和友好的语气回答客户提出的每一个问题。"] * 8), plus(EN, "# 云舟")),
    Case(
        "leftover-placeholder",
        plus(ZH, "客服电话：【请填写电话】"),
        plus(ZH, "请填写表单后继续，整理待补充的信息。"),
        "【请填写电话】",
    ),
    Case("leftover-placeholder", plus(ZH, "你服务于XX公司。"), plus(ZH, "你服务于云舟公司，型号 XXL 有货。"), "XX"),
    Case(
        "leftover-placeholder",
        plus(EN, "Company: [insert company name]"),
        plus(EN, "Keep a TODO list of [x] items."),
        "[insert company name]",
    ),
    Case("leftover-placeholder", plus(EN, "TODO: add limits"), plus(EN, "The state is `TODO:` or `DONE`."), "TODO"),
    Case(
        "undelimited-input",
        plus(ZH, "请总结 {{ article }} 的要点。"),
        plus(ZH, "请总结《{{ article }}》的要点。"),
        "{{ article }}",
    ),
    Case(
        "undelimited-input",
        plus(EN, "Answer {{ user_question }} now."),
        plus(EN, 'Answer "{{ user_question }}" for {{ company_name }}.'),
        "{{ user_question }}",
    ),
    Case(
        "undelimited-input",
        plus(EN, "<task>Translate {{ text }}</task>"),
        plus(EN, "## Text\n{{ text }}"),
        "{{ text }}",
    ),
    Case("example-contract-mismatch", ZH_JSON.replace('"years": 7, ', ""), ZH_JSON, None),
    Case("example-contract-mismatch", ZH_JSON.replace('输出：{"name"', '输出：姓名 {"name"'), ZH_JSON),
    Case("example-contract-mismatch", EN_JSON.replace('"total": 80.00', '"amount": 80.00'), EN_JSON),
    Case(
        "secret",
        plus(ZH, "密钥是 sk-a1B2c3D4e5F6g7H8i9J0k1L2"),
        plus(ZH, "密钥由应用保管，密码：{{ password }}"),
        "sk-a1B2c3D4e5F6g7H8i9J0k1L2",
    ),
    Case(
        "secret", plus(ZH, "数据库密码：Hunter2Hunter2"), plus(ZH, "密码至少 8 位，包含字母和数字。"), "Hunter2Hunter2"
    ),
    Case("secret", plus(EN, "password: Tr0ub4dor3x"), plus(EN, "password: your_password1 or ********"), "Tr0ub4dor3x"),
    Case("secret", plus(EN, "Use mysql://app:s3cr3t9@db/x"), plus(EN, "Use mysql://{{ user }}@db/x"), "s3cr3t9"),
    Case(
        "pii",
        plus(ZH, "投诉请打 13912340987。"),
        plus(ZH, "订单号 20240101139123409871，电话 13800138000。"),
        "13912340987",
    ),
    Case("pii", plus(ZH, "身份证 11010519491231002X"), plus(ZH, "编号 110105194912310021"), "11010519491231002X"),
    Case(
        "pii", plus(EN, "Ask jane.doe@acme.io"), plus(EN, "Ask support@acme.io or jane@example.com"), "jane.doe@acme.io"
    ),
    Case("pii", plus(EN, "Card 4539 1488 0343 6467"), plus(EN, "Card 4539 1488 0343 6468"), "4539 1488 0343 6467"),
]


def ids(case: Case) -> str:
    return f"{case.rule}-{CASES.index(case)}"


def rules_of(content: str, language: Language | None = None) -> list[str]:
    return [finding.rule for finding in lint(content, language)]


@pytest.mark.parametrize("name", GOOD)
def test_a_well_made_prompt_is_clean(name: str) -> None:
    language: Language = "zh" if name.startswith("zh") else "en"

    assert lint(GOOD[name]) == ()
    assert lint(GOOD[name], language) == ()


@pytest.mark.parametrize("name", GOOD)
def test_windows_line_ends_change_nothing(name: str) -> None:
    assert lint(GOOD[name].replace("\n", "\r\n")) == ()


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_a_defect_is_found(case: Case) -> None:
    text = unicodedata.normalize("NFC", case.bad)

    found = [finding for finding in lint(case.bad, case.language) if finding.rule == case.rule]

    assert found
    assert case.quote is None or case.quote in {text[finding.start : finding.end] for finding in found}


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_its_sound_twin_is_not(case: Case) -> None:
    assert case.rule not in rules_of(case.good, case.language)


def test_every_rule_has_a_case_and_a_place_in_the_table() -> None:
    by_arguments = {"over-token-limit", "var-undefined", "var-unused"}

    assert {case.rule for case in CASES} | by_arguments == set(RuleName)
    assert sorted(rule.name for rule in RULES) == sorted(RuleName)


def test_every_message_exists_in_both_languages() -> None:
    assert all(set(texts) == {"zh", "en"} for texts in messages().values())
    assert {key.split(".")[0] for key in messages()} == set(RuleName)


@pytest.mark.parametrize("text", [ZH, EN])
def test_the_token_limit_is_kept(text: str) -> None:
    assert "over-token-limit" in {finding.rule for finding in lint(text, token_limit=50)}
    assert lint(text, token_limit=4_000) == ()


def test_declared_variables_are_compared_with_the_text() -> None:
    found = lint(ZH, declared_variables=("customer_message", "city"))

    assert [(each.rule, ZH[each.start : each.end]) for each in found] == [
        ("var-unused", ""),
        ("var-undefined", "{{ plan_name }}"),
    ]
    assert lint(ZH, declared_variables={"customer_message", "plan_name"}) == ()


def test_known_references_are_compared_with_the_text() -> None:
    text = plus(EN, "{{> shared/rules@v3}}", "{{> shared/tone@production }}")

    found = lint(text, known_references={"shared/rules@v3"})

    assert [text[each.start : each.end] for each in found] == ["{{> shared/tone@production }}"]


def test_messages_speak_the_language_of_the_content_or_the_one_asked_for() -> None:
    assert "请" in lint("你是客服，回答问题。")[0].message
    assert lint("You are a bot. Answer.")[0].message.startswith("The prompt")
    assert any("The prompt" in finding.message for finding in lint("你是客服，回答问题。", "en"))


def test_a_secret_is_never_repeated_in_a_message() -> None:
    key = "sk-a1B2c3D4e5F6g7H8i9J0k1L2"

    assert all(key not in finding.message for finding in lint(plus(ZH, key)))


def test_offsets_count_code_points_after_nfc() -> None:
    decomposed = unicodedata.normalize("NFD", "Café 😀 déjà ") + EN + "\nMaybe add a table.\n"
    text = unicodedata.normalize("NFC", decomposed)

    found = [finding for finding in lint(decomposed) if finding.rule == "vague-word"]

    assert [text[each.start : each.end] for each in found] == ["Maybe"]


def test_findings_come_in_the_order_of_the_text_and_are_bounded() -> None:
    found = lint("尽量。" * 500)

    assert [each.start for each in found] == sorted(each.start for each in found)
    assert sum(each.rule == "vague-word" for each in found) == MOST_FINDINGS_PER_RULE


def test_a_prompt_pasted_in_a_fence_is_read_as_a_prompt() -> None:
    assert lint(f"```markdown\n{GOOD['zh_langgpt_translator']}\n```\n") == ()
