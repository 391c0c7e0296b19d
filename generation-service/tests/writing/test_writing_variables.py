"""Variables and references are read exactly, in one pass."""

import time

import pytest
from generation_service.text.variables import PlaceholderKind, extract, placeholders
from generation_service.writing.variables import Variable, describe
from hypothesis import given
from hypothesis import strategies as st


def kinds(content: str) -> list[tuple[str, str]]:
    return [(each.kind.value, each.name) for each in placeholders(content)]


def test_variables_come_in_the_order_of_their_first_use() -> None:
    assert extract("{{b}} {{ a }} {{\tb\t}} {{ _x9 }}") == ("b", "a", "_x9")


@pytest.mark.parametrize(
    "text",
    [
        "{{ user name }}",
        "{{}}",
        "{{ 用户 }}",
        "{{ 1a }}",
        "{{ a.b }}",
        "{{ a|upper }}",
        "{{ a",
        "{{ a }",
        "{{#if a}}",
        "{{ a\n}}",
        "{{-a}}",
    ],
)
def test_anything_else_in_braces_is_malformed(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["malformed"]


def test_escaped_braces_are_text() -> None:
    assert kinds(r"\{{ a }} {{ b }}") == [("escaped", ""), ("variable", "b")]


def test_single_braces_and_json_are_text() -> None:
    assert kinds('{"a": {"b": 1}} {x} ${y} }}') == []


def test_three_braces_are_a_brace_and_a_variable() -> None:
    assert kinds("{{{ a }}}") == [("variable", "a")]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("{{> a@production}}", "a@production"),
        ("{{>a/b-c_d/e.f@v3 }}", "a/b-c_d/e.f@v3"),
        ("{{> a@v03 }}", "a@v3"),
        ("{{> a@latest }}", "a@latest"),
    ],
)
def test_references(text: str, target: str) -> None:
    assert kinds(text) == [("reference", target)]


@pytest.mark.parametrize(
    "text",
    [
        "{{> a }}",
        "{{> A@x }}",
        "{{> a@ }}",
        "{{> a@X }}",
        "{{> a//b@x }}",
        "{{> a.@x }}",
        "{{> a@v0 }}",
        "{{> a@v99999999999 }}",
        f"{{{{> {'a' * 129}@x }}}}",
        "{{> a@" + "x" * 37 + " }}",
    ],
)
def test_bad_references(text: str) -> None:
    assert [kind for kind, _ in kinds(text)] == ["bad_reference"]


def test_offsets_are_code_points() -> None:
    content = "😀中{{ a }}"

    (found,) = placeholders(content)

    assert (found.kind, content[found.start : found.end]) == (PlaceholderKind.VARIABLE, "{{ a }}")


def test_descriptions_come_from_the_declaration_the_table_the_label_or_the_name() -> None:
    content = "{{ mine }} {{ question }}\n- **收货城市**：{{ city }}\n{{ order_no }}"

    found = describe(content, "zh", [Variable("mine", title="甲", description="乙"), Variable("unused")])

    assert [each.name for each in found] == ["mine", "question", "city", "order_no"]
    assert [each.title for each in found] == ["甲", "问题", "收货城市", "order no"]
    assert found[0].description == "乙"
    assert all(each.description for each in found)


def test_descriptions_in_english() -> None:
    (found,) = describe("Customer tier: {{ tier }}", "en")

    assert found.title == "Customer tier"
    assert found.description == "The customer tier, filled in by the application."


@pytest.mark.parametrize("unit", ["{", "{{", "{{ ", "{{ a", "{{>", "\\{{", "{{{ a }}", "}}", "{{ a " + " " * 200])
def test_hostile_braces_take_linear_time(unit: str) -> None:
    start = time.process_time()

    extract(unit * (256 * 1024 // len(unit)))

    assert time.process_time() - start < 5


@given(st.text(alphabet="{}> ab\\\n@v1中", max_size=80))
def test_placeholders_never_overlap(content: str) -> None:
    position = 0
    for each in placeholders(content):
        assert position <= each.start < each.end <= len(content)
        position = each.end
