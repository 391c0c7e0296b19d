"""The form that a description brings, and the answers to it."""

import pytest
from generation_service.requirements.form import build_form, check_answers
from generation_service.requirements.rule_parser.parser import parse
from jsonschema import Draft202012Validator
from servicekit.errors import InvalidArgument

DESCRIPTIONS = [
    "客服智能体，需要专业、耐心、能解决常见问题",
    "an agent that writes API docs",
    "SQL analyst for PostgreSQL",
    "剧本杀主持人",
    "help",
]


@pytest.mark.parametrize("description", DESCRIPTIONS)
@pytest.mark.parametrize("fallback", [False, True])
def test_prefill_alone_is_valid_and_every_field_is_explained(description: str, *, fallback: bool) -> None:
    form = build_form(parse(description), fallback)

    Draft202012Validator.check_schema(form.schema)
    Draft202012Validator(form.schema).validate(form.prefill)
    properties = form.schema["properties"]
    required = form.schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    assert len(required) <= 5
    assert form.fallback is fallback
    for name, row in properties.items():
        assert isinstance(row, dict)
        assert {"why_asked", "default", "impact", "source_quote"} <= row.keys()
        assert name in form.ui
        options = row.get("enum")
        if isinstance(options, list):
            assert options[-1] == "other"
            assert f"{name}_other" in properties


def test_what_the_description_says_is_prefilled_with_its_quote() -> None:
    form = build_form(parse("SQL analyst for PostgreSQL, friendly, for beginners"))

    assert form.prefill["sql_dialect"] == "postgresql"
    assert form.prefill["tone"] == "friendly"
    tone = form.ui["tone"]
    assert isinstance(tone, dict)
    assert tone["source_quote"] == "friendly"


def test_missing_answers_take_their_prefill() -> None:
    form = build_form(parse("客服智能体"))

    merged = check_answers(form, {"business": "宠物用品电商", "tone": None})

    assert merged == {**form.prefill, "business": "宠物用品电商"}


@pytest.mark.parametrize(
    ("answers", "pointer"),
    [
        ({"tone": "angry"}, "/input/answers/tone"),
        ({"audience": 5}, "/input/answers/audience"),
        ({"tone": "other"}, "/input/answers/tone_other"),
        ({"a/b~c": "x"}, "/input/answers/a~1b~0c"),
        ({"audience": "字" * 501}, "/input/answers/audience"),
    ],
)
def test_a_wrong_answer_is_refused_with_its_pointer(answers: dict[str, str | int], pointer: str) -> None:
    form = build_form(parse("客服智能体"))

    with pytest.raises(InvalidArgument) as refused:
        check_answers(form, {**answers})

    assert [each.pointer for each in refused.value.violations] == [pointer]


def test_field_texts_are_in_the_language_of_the_request() -> None:
    zh, en = build_form(parse("客服智能体")), build_form(parse("客服智能体", "en"))

    assert "为" in str(zh.ui["escalation"]) or "的" in str(zh.ui["escalation"])
    assert "What happens" in str(en.schema)
