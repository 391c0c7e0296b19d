"""PEQA by code: the verdicts, the caps, the order of good and defective prompts, and the form of the result."""

import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from generation_service.peqa.rubric import CHECKS
from generation_service.peqa.rules import assess, fixes
from generation_service.peqa.values import Assessment, CheckResult, Verdict
from generation_service.requirements.values import Priority, Requirement, RequirementKind
from generation_service.writing.values import TraceEntry
from generation_service.writing.variables import Variable
from hypothesis import given
from hypothesis import strategies as st

GOOD_FOLDER = Path(__file__).parents[1] / "lint" / "good"
GOOD = {path.stem: path.read_text(encoding="utf-8") for path in sorted(GOOD_FOLDER.glob("*.md"))}
ZH = GOOD["zh_markdown_support"]
EN = GOOD["en_markdown_docs"]
JUDGED = {Verdict.MET, Verdict.PARTLY, Verdict.NOT}

NOT_PROMPTS = (
    "今天天气不错",
    "你好",
    "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
    "你是人间的四月天，笑响点亮了四面风，轻灵在春的光艳中交舞着变。",
    "不要问我从哪里来，我的故乡在远方。",
    "我必须承认，今天的会议没有按格式进行，如果明天不下雨，我们去爬山。",
    "什么是机器学习？",
    "asdf qwer zxcv",
    "😀😀😀",
    "def double(x):\n    return x * 2\n",
    "The weather is nice today.",
    "Shall I compare thee to a summer's day? Thou art more lovely and more temperate.",
    "Do not go gentle into that good night,\nOld age should burn and rave at close of day;",
    "What is the capital of France?",
    "The company said it must cut costs. If sales do not recover, it will close 3 stores.",
)


def check(assessment: Assessment, check_id: str) -> CheckResult:
    return next(one for one in assessment.checks if one.id == check_id)


def must(requirement_id: str, text: str, priority: Priority = "must") -> Requirement:
    return Requirement(requirement_id, RequirementKind.CONSTRAINT, text, text, priority, inferred=False)


def plus(*lines: str) -> Callable[[str], str]:
    return lambda text: text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"


def drop_section(*titles: str) -> Callable[[str], str]:
    """Cuts the headings, tags and labels of these titles with their bodies."""
    words = "|".join(titles)
    patterns = (
        rf"(?ms)^#+ *(?:{words})[^\n]*\n.*?(?=^#+ |\Z)",
        rf"(?ms)^<(?P<tag>{words})>.*?</(?P=tag)>\n",
        rf"(?ms)^【(?:{words})】.*?(?=^【|\Z)",
    )

    def cut(text: str) -> str:
        for pattern in patterns:
            text = re.sub(pattern, "", text)
        return text

    return cut


DEFECTS_ZH: dict[str, Callable[[str], str]] = {
    "vague": plus("回答时尽量考虑一些适当的因素。"),
    "contradiction": plus("回答必须简洁。", "", "所有回答必须非常详细。"),
    "order": plus("必须提供退款链接。", "", "不得提供退款链接。"),
    "duplicate": plus("先核对客户的订单编号再回答。", "", "必须先核对客户的订单编号再回答。"),
    "unclosed tag": plus("<note>", "只回答一次。"),
    "unclosed fence": plus("```json", '{"a": 1'),
    "leftover": plus("联系人：【请填写联系人】"),
    "todo": plus("TODO：补充规则"),
    "secret": plus("密钥为 sk-a1B2c3D4e5F6g7H8i9J0k1L2。"),
    "pii": plus("投诉电话 13912340987。"),
    "malformed variable": plus("用户等级为“{{ 用户等级 }}”。"),
    "foreign variable": plus("用户等级为 {level}。"),
    "bare input": plus("另请回答 {{ user_question }} 并说明理由。"),
    "heading": plus("# 附录", "", "#### 说明", "以上规则同时适用。"),
    "language": plus(*["Always answer the customer in a calm and friendly way today."] * 30),
    "no output": drop_section("输出格式", "RESPONSE", "OutputFormat", "output_format"),
    "no fallback": drop_section("信息不足", "特殊情况", "异常处理", "fallback", "Initialization"),
    "only the role": lambda text: next((line for line in text.splitlines() if "你是" in line), "你是翻译。"),
}
DEFECTS_EN: dict[str, Callable[[str], str]] = {
    "vague": plus("Maybe try to add a few things as needed."),
    "contradiction": plus("Always keep answers brief.", "", "Always give detailed answers."),
    "order": plus("Always include a refund link.", "", "Never include a refund link."),
    "duplicate": plus(
        "Check the order number before you answer.", "", "Always check the order number before you answer."
    ),
    "unclosed tag": plus("<note>", "Answer once."),
    "unclosed fence": plus("```json", '{"a": 1'),
    "leftover": plus("Contact: [insert contact name]"),
    "todo": plus("TODO: add the rules"),
    "secret": plus("The key is sk-a1B2c3D4e5F6g7H8i9J0k1L2."),
    "pii": plus("Send complaints to jane.doe@acme.io."),
    "malformed variable": plus('The level is "{{ user.level }}".'),
    "foreign variable": plus("The level is ${level}."),
    "bare input": plus("Also answer {{ user_question }} and say why."),
    "heading": plus("# Appendix", "", "#### Notes", "The rules above hold here too."),
    "language": plus(*["请始终用平和友好的语气回答客户提出的每一个问题。"] * 30),
    "no output": drop_section("Output format", "RESPONSE", "output_format"),
    "no fallback": drop_section("When information is missing", "Missing data", "Exceptions", "fallback"),
    "only the role": lambda text: next((line for line in text.splitlines() if "You are" in line), "You are a bot."),
}
PAIRS = [
    (f"{name}/{defect}", text, plant(text))
    for name, text in GOOD.items()
    for defect, plant in (DEFECTS_ZH if name.startswith("zh") else DEFECTS_EN).items()
]


@pytest.mark.parametrize("name", GOOD)
def test_a_well_made_prompt_is_ready(name: str) -> None:
    found = assess(GOOD[name])

    assert found.band == "ready"
    assert found.caps == ()
    assert found.engine == "rules"
    assert found.rubric == "peqa-1"


def test_a_planted_defect_lowers_the_score_in_95_of_100_pairs() -> None:
    planted = [(label, good, bad) for label, good, bad in PAIRS if bad != good]

    unordered = [label for label, good, bad in planted if not assess(bad).overall < assess(good).overall]

    assert len(planted) > 200
    assert len(unordered) <= 0.05 * len(planted), unordered


@pytest.mark.parametrize("text", NOT_PROMPTS)
def test_what_is_no_prompt_gets_ten_at_most(text: str) -> None:
    found = assess(text)

    assert found.overall <= 10
    assert found.band == "poor"
    assert found.top_fix is not None
    assert found.top_fix.id == "not_a_prompt"


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_an_empty_prompt_gets_nothing(text: str) -> None:
    found = assess(text)

    assert found.overall == 0
    assert [cap.id for cap in found.caps] == ["empty"]
    assert not any(one.verdict in JUDGED for one in found.checks)


@pytest.mark.parametrize(
    "text", ["请翻译", "你是客服，回答问题。", "Translate the text.", "You are a bot. Answer questions."]
)
def test_a_bare_order_is_a_prompt_but_not_a_usable_one(text: str) -> None:
    assert 10 < assess(text).overall < 70


@pytest.mark.parametrize(
    ("cap", "limit", "text"),
    [
        ("secret", 40, plus("password: Tr0ub4dor3x")(EN)),
        ("broken_contract", 40, plus("“{{ 等级 }}”")(ZH)),
        ("contradiction", 60, plus("必须提供报价单。", "不得提供报价单。")(ZH)),
    ],
)
def test_grave_findings_cap_the_score(cap: str, limit: int, text: str) -> None:
    found = assess(text)

    assert found.overall <= limit
    assert cap in {one.id for one in found.caps}


def test_a_missing_must_caps_the_score_and_a_false_quote_covers_nothing() -> None:
    wanted = (must("R1", "最多 5 步"), must("R2", "支持日语"), must("R3", "可以幽默", "should"))
    claimed = (TraceEntry("R1", "最多 5 步", covered=True), TraceEntry("R2", "使用日语回答", covered=True))

    found = assess(ZH, requirements=wanted, trace=claimed)

    assert found.overall <= 75
    assert check(found, "K1").verdict is Verdict.PARTLY
    assert check(found, "K1").evidence_quote == "最多 5 步"
    assert "R2" in (check(found, "K1").fix or "")


def test_covered_musts_are_met_and_without_requirements_nothing_is_asked() -> None:
    covered = assess(ZH, requirements=(must("R1", "最多 5 步"),), trace=(TraceEntry("R1", "最多 5 步", covered=True),))

    assert check(covered, "K1").verdict is Verdict.MET
    assert check(assess(ZH), "K1").verdict is Verdict.NOT_APPLICABLE


def test_without_a_trace_the_requirements_are_looked_for_in_the_text() -> None:
    text = "不得承诺赔偿金额和恢复时间"

    assert check(assess(ZH, requirements=(must("R1", text),)), "K1").verdict is Verdict.MET
    assert check(assess(ZH.replace(text, ""), requirements=(must("R1", text),)), "K1").verdict is Verdict.NOT


@pytest.mark.parametrize("text", [*GOOD.values(), *(bad for _, _, bad in PAIRS[::7]), *NOT_PROMPTS])
def test_every_judged_check_quotes_the_text_or_says_that_something_is_absent(text: str) -> None:
    found = assess(text)

    for one in found.checks:
        assert (one.evidence_quote is not None) != one.absent or one.verdict not in JUDGED
        assert one.evidence_quote is None or one.evidence_quote in unicodedata.normalize("NFC", text)
        assert (one.fix is not None) == (one.verdict in {Verdict.PARTLY, Verdict.NOT})


def test_what_only_a_model_can_judge_is_not_assessed() -> None:
    found = {one.id: one for one in assess(EN).checks}

    assert list(found) == [one.id for one in CHECKS]
    for one in CHECKS:
        assert one.is_by_code or found[one.id].verdict is Verdict.NOT_ASSESSED
        assert one.is_by_code or found[one.id].votes == ()


def test_a_secret_is_not_repeated_in_the_result() -> None:
    key = "sk-a1B2c3D4e5F6g7H8i9J0k1L2"

    assert key.encode() not in orjson.dumps(assess(plus(f"{key}")(EN)))


def test_fixes_speak_the_language_of_the_content() -> None:
    chinese = check(assess(plus("回答时尽量快。")(ZH)), "C3").fix
    english = check(assess(plus("Maybe answer.")(EN)), "C3").fix

    assert chinese is not None
    assert "尽量" in chinese
    assert english is not None
    assert english.startswith("Replace")
    assert all(set(texts) == {"zh", "en"} for texts in fixes().values())


def test_the_top_fix_gains_the_most() -> None:
    found = assess(plus("Maybe answer.", "password: Tr0ub4dor3x")(EN))

    assert found.top_fix is not None
    assert found.top_fix.id == "R6"
    assert found.top_fix.gain > 40
    assert assess(EN).top_fix is None


def test_declared_variables_are_held_against_the_text() -> None:
    declared = (Variable("source_code", description="the code"), Variable("city"))

    assert check(assess(EN, variables=declared), "R5").verdict is Verdict.PARTLY
    assert check(assess(EN, variables=declared[1:]), "R5").verdict is Verdict.NOT
    assert check(assess(EN, variables=declared[:1]), "R5").verdict is Verdict.MET


def test_the_model_is_judged_by_size_when_its_limit_is_known() -> None:
    assert check(assess(EN), "E2").verdict is Verdict.NOT_ASSESSED
    assert check(assess(EN, token_limit=10_000), "E2").verdict is Verdict.MET
    assert check(assess(EN, token_limit=50), "E2").verdict is Verdict.NOT


def test_the_language_asked_for_is_held_against_the_text() -> None:
    assert check(assess(EN, "zh"), "C6").verdict is Verdict.NOT
    assert check(assess(EN, "en"), "C6").verdict is Verdict.MET


def test_the_result_is_the_json_of_the_api() -> None:
    found = orjson.loads(orjson.dumps(assess(plus("Maybe answer.")(EN))))

    assert found == orjson.loads(orjson.dumps(assess(plus("Maybe answer.")(EN)).to_json()))
    assert set(found) == {"overall", "band", "dimensions", "checks", "caps", "top_fix", "rubric", "engine"}
    assert {"id", "verdict", "votes", "evidence_quote", "fix"} <= set(found["checks"][0])
    assert set(found["dimensions"]) == {"clarity", "specificity", "completeness", "effectiveness", "robustness"}


def respaced(text: str, seed: int) -> str:
    """The same prompt with other white space, fences aside."""
    chance = random.Random(seed)
    lines: list[str] = []
    for line in text.split("\n"):
        spaced = re.sub(" ", lambda _: " " * chance.choice((1, 1, 2)), line) if not line.startswith("#") else line
        lines.append(spaced + " " * chance.choice((0, 0, 1, 3)))
        if not line.strip() or chance.random() < 0.2:
            lines.extend([""] * chance.randint(0, 2))
    return chance.choice(("\n", "\r\n")).join(lines)


@pytest.mark.parametrize("name", GOOD)
def test_white_space_moves_the_score_by_two_points_at_most(name: str) -> None:
    before = assess(GOOD[name]).overall

    moved = [abs(assess(respaced(GOOD[name], seed)).overall - before) for seed in range(12)]

    assert max(moved) <= 2


@pytest.mark.parametrize("text", [ZH, EN])
def test_the_order_of_sections_moves_the_score_by_two_points_at_most(text: str) -> None:
    sections = re.split(r"(?m)^(?=#)", text)
    random.Random(5).shuffle(sections)

    assert abs(assess("".join(part.rstrip("\n") + "\n\n" for part in sections)).overall - assess(text).overall) <= 2


PIECES = st.sampled_from(
    [
        "你是",
        "必须",
        "不要",
        "尽量",
        "# ",
        "\n",
        "{{ x }}",
        "{{",
        "<a>",
        "</a>",
        "```",
        "输出",
        "JSON",
        "You are",
        "never",
        " ",
        "。",
        "a@b.cn",
        "示例：",
    ]
)


@given(st.lists(PIECES | st.text(max_size=6), max_size=40).map("".join))
def test_any_text_gets_a_score_between_0_and_100_and_always_the_same(text: str) -> None:
    found = assess(text)

    assert 0 <= found.overall <= 100
    assert all(score is None or 0 <= score <= 100 for score in found.dimensions.values())
    assert found == assess(text)


@pytest.mark.parametrize(
    "text",
    [
        "你是一名客服专家。\n\n尽量简洁，也要详细。",
        "你是一名客服专家，请尽量简洁地详细回答。",
        "You are a support agent. Be brief. Give detailed, exhaustive answers.",
    ],
)
def test_a_bad_prompt_is_still_a_prompt(text: str) -> None:
    found = assess(text)

    assert "not_a_prompt" not in {cap.id for cap in found.caps}
    assert found.overall < 70


@pytest.mark.parametrize("text", ["今天天气不错，你是一朵花。", "You are an angel. I love you."])
def test_what_only_sounds_like_a_role_is_no_prompt(text: str) -> None:
    assert "not_a_prompt" in {cap.id for cap in assess(text).caps}
