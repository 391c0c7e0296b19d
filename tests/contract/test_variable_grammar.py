"""prompt-service and generation-service read variables alike, though neither knows the other's code."""

from dataclasses import fields
from typing import get_args

import pytest
from generation_service.text import variables as generation
from generation_service.writing.variables import Variable as DescribedVariable
from generation_service.writing.variables import VariableType
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from prompt_service.labels.names import problem_of_label
from prompt_service.prompt_row.names import LATEST, problem_of_name
from prompt_service.rendering.placeholders import MAX_NAME_CHARS, PLACEHOLDER, VARIABLE_NAME, names_in
from prompt_service.rendering.rules import render
from prompt_service.rendering.variables import VARIABLE_TYPES, Variable

ESCAPE = "an escape"
READ = {generation.PlaceholderKind.VARIABLE, generation.PlaceholderKind.ESCAPED}

TEXTS = {
    "": (),
    "{{a}}": ("a",),
    "{{ a }} {{\tb \t}} {{a}}": ("a", "b"),
    "{{_}} {{_a1}} {{A}} {{a}}": ("_", "_a1", "A", "a"),
    "你好，{{ name }}！{{question}}": ("name", "question"),
    "{{名字}} {{ 名字 }} {{name名}} {{é}}": (),
    "{{1}} {{1a}} {{a-b}} {{a.b}} {{a b}} {{}} {{ }}": (),
    "{{ a | upper }} {{ a() }} {{ a[0] }} {{ 'a' }} {{ a + b }}": (),
    "{{\na\n}} {{a\n}} {{\r\na}} {{\u00a0a}} {{\u3000a}}": (),
    "{{{a}}} {{{{b}}}} {{{{{c}}}}}": ("a", "b", "c"),
    "{a} { {b} } {{c} } { {d}}": (),
    "{{a}{{b}} {{c{{d}} {{ {{e}}": ("b", "d", "e"),
    "{{a {{b}} c}}": ("b",),
    r"\{{a}} \\{{b}} \ {{c}}": ("c",),
    r"\{{{a}} {\{{b}} {{c}}\{{d}}": ("c",),
    "{{> shared/tone@production}} {{>a@v3}} {{> }} {{> a}} {{>{{a}}}}": ("a",),
    "{{!-- {{a}} --}} {{# if a }}{{/if}} {{! b }} {{^c}} {{&d}}": ("a",),
    "{% if a %}{{b}}{% endif %} {# {{c}} #} {%raw%}{{d}}{%endraw%}": ("b", "c", "d"),
    "${a} ${{b}} #{c} <%= d %> %(e)s $f": ("b",),
    "<!-- {{a}} --> // {{b}} /* {{c}} */": ("a", "b", "c"),
    '{"a": {"b": {}}} {"c":{"d":{{e}}}}': ("e",),
    "```python\nf'{{a}} {b}'\nd = {{c}: 1}\n```": ("a",),
    r"\frac{{a}}{{b}} \begin{{{c}}}": ("a", "b", "c"),
    "｛｛a｝｝ {｛b}} ｛{{c}}｝ 【{{d}}】": ("c", "d"),
    "{{a": (),
    "{{a}": (),
    "a}} {{ {{": (),
    "{{" + "a" * 64 + "}} {{" + "b" * 65 + "}}": ("a" * 64, "b" * 65),
    "{{" + " " * 5000 + "a}}": ("a",),
}
DIFFERENT = {
    r"{{ a \{{ b }}": ((), ("b",)),
    r"{{\{{b}}": ((), ("b",)),
    r"{{> a\{{b}} {{c}}": (("c",), ("b", "c")),
    r"{{ \\{{b}}": ((), ("b",)),
}
NAMES = ["a", "_", "a1", "user_name", "A", "__class__", "名字", "na名", "é", "1a", "", " ", "a b", "a-b", "a.b", "a\n"]
PROMPT_NAMES = ["a", "a/b", "0.a-b_c", "a" * 128, "a" * 129, "/".join("abcdefghij"), "/".join("abcdefghijk"), "A", ""]
LABELS = ["production", "latest", "v1a", "a" * 36, "a" * 37, "v1", "Prod", "1a", "a b", "", "生产"]
PIECES = [
    *("{{", "}}", "{", "}", "{{{", "}}}", "\\", "\\\\", "\\{{", "{{>", "{{ ", " }}", "{{\t", "\n", "\r\n", "\t", " "),
    *("a", "b", "_", "user_name", "1", "名字", "é", "𠮷", "x" * 64, "y" * 65),
    *(".", "|", "@", "-", ">", ":", '"', "\u3000", "\u00a0"),
    *("{{a}}", "{{ b }}", "{{名字}}", "{{> a/b@production}}", "\\{{a}}", "{{a.b}}", "{{}}", "{{a}", "{a}}"),
    *("{% if a %}", "{%", "%}", "{# a #}", "${a}", "${{b}}", "<!-- ", " -->", "```", "/* ", " */", "｛｛", "｝｝"),
    *('{"a": {"b": 1}}', '{"a":{"b":{{b}}}}', "f'{a}{{b}}'", "你好，", "。"),
]


def stored(text: str) -> list[tuple[str, int]]:
    """What prompt-service sees in the text, and where, in code points."""
    content = text.encode()
    return [
        (ESCAPE if match[1] is None else match[1].decode(), len(content[: match.start()].decode()))
        for match in PLACEHOLDER.finditer(content)
    ]


def is_read_differently(text: str) -> bool:
    r"""True for the one kind of text that the two read differently today.

    A pair that is never closed ends in a backslash just before the next pair, as in `{{ a \{{ b }}`. prompt-service
    takes the backslash for an escape and fills in nothing; generation-service takes it for the end of the unclosed
    pair, and `b` for a variable.
    """
    return any(
        each.kind is generation.PlaceholderKind.MALFORMED
        and each.name.endswith("\\")
        and text.startswith("{{", each.end)
        for each in generation.placeholders(text)
    )


def written(text: str) -> list[tuple[str, int]]:
    """The same of generation-service."""
    found = (each for each in generation.placeholders(text) if each.kind in READ)
    return [(each.name or ESCAPE, each.start) for each in found]


@pytest.mark.parametrize(("text", "names"), TEXTS.items())
def test_both_find_the_same_variables(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names
    assert generation.extract(text) == names
    assert stored(text) == written(text)


@pytest.mark.parametrize(("text", "names"), DIFFERENT.items())
def test_where_the_two_differ_is_listed(text: str, names: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    assert is_read_differently(text)
    assert (names_in(text), generation.extract(text)) == names


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("{{ a \\{{ b }}")
def test_both_read_any_text_alike_but_for_what_is_listed(text: str) -> None:
    if is_read_differently(text):
        assert stored(text) != written(text)
    else:
        assert stored(text) == written(text)
        assert names_in(text) == generation.extract(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_generation_counts_as_variables_is_what_rendering_fills(text: str) -> None:
    assume(not is_read_differently(text))
    names = generation.extract(text)

    body = render(text, tuple(Variable(name) for name in names), dict.fromkeys(names, "\x01")).body

    assert isinstance(body, str)
    assert body.count("\x01") == sum(name != ESCAPE for name, _ in written(text))


@pytest.mark.parametrize("name", [*NAMES, "a" * MAX_NAME_CHARS])
def test_both_agree_on_what_a_name_is(name: str) -> None:
    is_valid = VARIABLE_NAME.fullmatch(name) is not None

    assert (generation.extract(f"{{{{{name}}}}}") == (name,)) == is_valid


def test_only_prompt_service_limits_the_length_of_a_name() -> None:
    name = "a" * (MAX_NAME_CHARS + 1)

    assert VARIABLE_NAME.fullmatch(name) is None
    assert generation.extract(f"{{{{{name}}}}}") == (name,)


def test_both_describe_a_variable_by_the_same_words() -> None:
    """prompt-service keeps default and example as JSON text, and alone has the options of an enum."""
    kept = [field.name.removesuffix("_json") for field in fields(Variable)]
    described = [field.name for field in fields(DescribedVariable)]

    assert get_args(VariableType) == VARIABLE_TYPES
    assert kept == [*described, "options"]
    assert Variable("a").type == DescribedVariable("a").type
    assert Variable("a").required == DescribedVariable("a").required


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("name", PROMPT_NAMES)
def test_a_reference_names_what_can_be_there(name: str, label: str) -> None:
    can_be = not problem_of_name(name) and (label == LATEST or not problem_of_label(label))
    is_version = not problem_of_name(name) and label == "v1"

    assert (generation.reference_target(f" {name}@{label} ") is not None) == (can_be or is_version)
