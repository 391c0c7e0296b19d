import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prompt_service.rendering.bodies import MAX_BODY_BYTES, Message
from prompt_service.rendering.placeholders import names_in
from prompt_service.rendering.rules import parse_values, render
from prompt_service.rendering.variables import Variable
from servicekit.errors import InvalidArgument

NAME = Variable("name")


def rendered(content: str, values_json: str = "{}", *variables: Variable) -> str:
    body = render(content, variables, parse_values(values_json)).body
    assert isinstance(body, str)
    return body


def refused(content: str, values_json: str, *variables: Variable) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as caught:
        rendered(content, values_json, *variables)
    return caught.value


@pytest.mark.parametrize("spelling", ["{{name}}", "{{ name }}", "{{\tname  }}"])
def test_a_placeholder_becomes_its_value(spelling: str) -> None:
    assert rendered(f"你好 {spelling}!\r\n", '{"name": "小明"}', NAME) == "你好 小明!\r\n"


def test_escaped_braces_become_literal_ones() -> None:
    assert rendered(r"\{{ name }} {{ name }} \\{{x}}", '{"name": "v"}', NAME) == r"{{ name }} v \{{x}}"


def test_a_third_brace_stays_a_brace() -> None:
    assert rendered("{{{ name }}}", '{"name": "v"}', NAME) == "{v}"


@pytest.mark.parametrize(
    "text",
    ["{{ a.b }}", "{{ a | upper }}", "{{ 1 }}", "{{ }}", "{{a\n}}", "{ {name} }", "{{名字}}", "{{> x@prod}}", "{{"],
)
def test_what_is_no_placeholder_stays_as_it_is(text: str) -> None:
    assert names_in(text) == ()
    assert rendered(text) == text


def test_a_value_is_never_looked_at_again() -> None:
    values = '{"name": "{{ other }} \\\\{{ name }}", "other": "secret"}'

    assert rendered("{{name}}", values, NAME, Variable("other")) == r"{{ other }} \{{ name }}"


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        (Variable("v", "string"), '"  a\\r\\n"', "  a\r\n"),
        (Variable("v", "number"), "1.10", "1.10"),
        (Variable("v", "number"), "12345678901234567890123", "12345678901234567890123"),
        (Variable("v", "number"), "1e2", "1e2"),
        (Variable("v", "boolean"), "true", "true"),
        (Variable("v", "boolean"), "false", "false"),
        (Variable("v", "enum", options=("甲", "乙")), '"乙"', "乙"),
        (Variable("v", "json"), '{ "键": [1, null, true, 1.5] }', '{"键":[1,null,true,1.5]}'),
        (Variable("v", "json"), '"a"', '"a"'),
        (Variable("v", "json"), "null", "null"),
    ],
)
def test_each_type_has_its_text(variable: Variable, value: str, text: str) -> None:
    assert rendered("{{v}}", f'{{"v": {value}}}', variable) == text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (Variable("v", "string"), "1"),
        (Variable("v", "string"), "null"),
        (Variable("v", "number"), '"1"'),
        (Variable("v", "number"), "true"),
        (Variable("v", "number"), "1e999"),
        (Variable("v", "boolean"), "1"),
        (Variable("v", "boolean"), '"true"'),
        (Variable("v", "enum", options=("a", "b")), '"c"'),
        (Variable("v", "enum", options=("a", "b")), "1"),
        (Variable("v", "json"), "[1e999]"),
        (Variable("v", "string", max_chars=2), '"三个字"'),
        (Variable("v", "string"), '"\\u0000"'),
        (Variable("v", "string"), '"\\ud800"'),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_pointer(variable: Variable, value: str) -> None:
    error = refused("{{v}}", f'{{"v": {value}}}', variable)

    assert error.reason == "invalid_request"
    assert [violation.pointer for violation in error.violations] == ["/variables/v"]


def test_all_missing_variables_are_named_at_once() -> None:
    error = refused("{{a}}{{b}}{{c}}", '{"b": "x"}', Variable("a"), Variable("b"), Variable("c"))

    assert error.reason == "missing_variables"
    assert [violation.pointer for violation in error.violations] == ["/variables/a", "/variables/c"]
    assert error.metadata["names"] == "a, c"


def test_defaults_stand_in_and_optional_ones_are_empty() -> None:
    variables = (Variable("a", default_json='"默认"'), Variable("b", "number", default_json="1.50"))

    assert rendered("{{a}}|{{b}}|{{c}}|", "{}", *variables, Variable("c", required=False)) == "默认|1.50||"


def test_unknown_and_unused_values_are_warned_about() -> None:
    result = render("{{a}}", (Variable("a"), Variable("b")), {"a": "1", "b": "2", "ghost": "3"})

    assert [warning.split("'")[1] for warning in result.warnings] == ["b", "ghost"]


def test_messages_are_rendered_and_keep_their_roles() -> None:
    body = (Message("system", "你是 {{name}}"), Message("user", r"\{{ {{name}}"))

    result = render(body, (NAME,), {"name": "助手"})

    assert result.body == (Message("system", "你是 助手"), Message("user", "{{ 助手"))


def test_the_output_ends_at_256_kib() -> None:
    room = MAX_BODY_BYTES - 1

    assert len(rendered("-{{name}}", f'{{"name": "{"x" * room}"}}', NAME)) == MAX_BODY_BYTES
    assert "larger than 262144 bytes" in refused("-{{name}}", f'{{"name": "{"x" * (room + 1)}"}}', NAME).message


def test_a_large_value_named_often_is_refused_before_it_fills_the_memory() -> None:
    started = time.perf_counter()

    error = refused("{{name}}" * 30_000, f'{{"name": "{"x" * 250_000}"}}', NAME)

    assert error.violations[0].pointer == "/variables"
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("text", ["{{" + " " * 262_000, "{" * 262_000, "{{" + "a" * 262_000, "{{a " * 65_000])
def test_hostile_texts_take_linear_time(text: str) -> None:
    started = time.perf_counter()

    assert rendered(text) == text
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("text", ["[1]", '"a"', "{", "NaN", '{"a": NaN}', "[" * 5000, '{"a": ' + "1" * 5000 + "}"])
def test_values_that_are_no_json_object_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_values(text)

    assert caught.value.violations[0].pointer == "/variables"


TEMPLATES = [
    "{{ %s }}", "{%% %s %%}", "${%s}", "#{%s}", "<%%= %s %%>", "{{%s}}", "*{%s}", "@(%s)", "{{= %s }}", "[[${%s}]]",
]  # fmt: skip
EXPRESSIONS = [
    "7*7", "config", "self.__class__", "''.__class__.__mro__[1].__subclasses__()", "request.application",
    "lipsum.__globals__['os'].popen('id').read()", "cycler.__init__.__globals__.os", "x|attr('__class__')",
    "constructor.constructor('return 1')()", "T(java.lang.Runtime).getRuntime().exec('id')",
    "import os; os.system('id')", "name.__init__", "range(10**9)", "[].__class__.__base__", "1/0", "other",
    "().__reduce__()", "''|format(1)", "url_for.__globals__", "get_flashed_messages.__globals__",
]  # fmt: skip
PAYLOADS = [template % expression for template in TEMPLATES for expression in EXPRESSIONS]


def test_200_template_injections_come_out_as_literal_text() -> None:
    assert len(PAYLOADS) == 200
    for payload in PAYLOADS:
        result = render("<{{name}}>", (NAME, Variable("other")), {"name": payload, "other": "SECRET"})

        assert result.body == f"<{payload}>"


def test_200_template_injections_in_the_text_itself_do_nothing() -> None:
    for payload in PAYLOADS:
        names = names_in(payload)
        values = dict.fromkeys(names, "v")

        result = render(payload, tuple(Variable(name) for name in names), values)

        assert result.body == re.sub(r"\{\{ ?(config|other) ?\}\}", "v", payload)


texts = st.text(st.sampled_from("{}\\ \tab_1\n中😀>"), max_size=60)


@given(texts, st.text(max_size=20))
@example("\\{{a}}{{a}}", "{{a}}")
def test_rendering_is_one_pass_over_the_text(content: str, value: str) -> None:
    value = value.replace("\0", "").encode("utf-8", "ignore").decode()
    names = names_in(content)

    body = render(content, tuple(Variable(name) for name in names), dict.fromkeys(names, value)).body

    # The plainest possible reading, character by character.
    expected, position = [], 0
    while position < len(content):
        if content.startswith("\\{{", position):
            expected.append("{{")
            position += 3
        elif match := re.compile(r"\{\{[ \t]*[A-Za-z_][A-Za-z0-9_]*[ \t]*\}\}").match(content, position):
            expected.append(value)
            position = match.end()
        else:
            expected.append(content[position])
            position += 1
    assert body == "".join(expected)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_text_survives_as_a_value(value: str) -> None:
    assert render("a{{name}}b", (NAME,), {"name": value}).body == f"a{value}b"
