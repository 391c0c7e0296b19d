import pytest
from prompt_service.rendering.bodies import MAX_BODY_BYTES, Message
from prompt_service.rendering.variables import Variable
from prompt_service.versions.drafts import Draft, check_draft
from servicekit.errors import InvalidArgument


def refused_at(draft: Draft) -> list[str]:
    with pytest.raises(InvalidArgument) as caught:
        check_draft(draft)
    return [violation.pointer for violation in caught.value.violations]


def test_found_variables_come_first_and_take_what_is_declared() -> None:
    declared = (Variable("unused", required=False), Variable("b", "number", title="数"))

    prepared = check_draft(Draft("{{a}} {{ b }} {{a}}", declared))

    assert [variable.name for variable in prepared.variables] == ["a", "b", "unused"]
    assert prepared.variables[0] == Variable("a")
    assert prepared.variables[1].title == "数"


def test_variables_of_all_messages_are_found() -> None:
    prepared = check_draft(Draft((Message("system", "{{b}}"), Message("user", "{{a}}{{b}}"))))

    assert [variable.name for variable in prepared.variables] == ["b", "a"]


def test_content_may_have_256_kib_and_not_a_byte_more() -> None:
    check_draft(Draft("x" * MAX_BODY_BYTES))
    check_draft(Draft("x" * (MAX_BODY_BYTES - 3) + "字"))

    assert refused_at(Draft("x" * (MAX_BODY_BYTES + 1))) == ["/content"]
    assert refused_at(Draft("x" * (MAX_BODY_BYTES - 2) + "字")) == ["/content"]


def test_messages_share_256_kib() -> None:
    half = "x" * (MAX_BODY_BYTES // 2)
    check_draft(Draft((Message("system", half), Message("user", half))))

    assert refused_at(Draft((Message("system", half), Message("user", half + "x")))) == ["/messages"]


@pytest.mark.parametrize(
    ("draft", "pointers"),
    [
        (Draft(None), ["/content"]),
        (Draft(""), ["/content"]),
        (Draft("a\0b"), ["/content"]),
        (Draft("a\ud800b"), ["/content"]),
        (Draft(()), ["/messages"]),
        (Draft((Message("user", "x"),) * 101), ["/messages"]),
        (Draft((Message("tool", "x"), Message("user", "\0"))), ["/messages/0/role", "/messages/1/content"]),
        (Draft("x", commit_message="m" * 4001), ["/commit_message"]),
        (Draft("x", parent=-1), ["/parent"]),
        (Draft("x", run_id="r1"), ["/from_run"]),
        (Draft("x", model_settings_json="[]"), ["/model_settings"]),
        (Draft("x", model_settings_json="{"), ["/model_settings"]),
        (Draft("x", model_settings_json='{"a": "\\ud800"}'), ["/model_settings"]),
        (Draft("x", model_settings_json='{"a": "%s"}' % ("m" * 16_384)), ["/model_settings"]),
        (Draft("".join(f"{{{{v{n}}}}}" for n in range(101))), ["/variables"]),
        (Draft("x", tuple(Variable(f"v{n}") for n in range(101))), ["/variables"]),
        (Draft("{{" + "a" * 65 + "}}"), ["/content"]),
        (Draft("x", (Variable("a"), Variable("a"))), ["/variables/1/name"]),
        (Draft("x", (Variable("1a"),)), ["/variables/0/name"]),
        (Draft("x", (Variable("a" * 65),)), ["/variables/0/name"]),
        (Draft("x", (Variable("a", "text"),)), ["/variables/0/type"]),
        (Draft("x", (Variable("a", max_chars=-1),)), ["/variables/0/max_chars"]),
        (Draft("x", (Variable("a", title="t" * 201),)), ["/variables/0/title"]),
        (Draft("x", (Variable("a", description="d" * 4001),)), ["/variables/0/description"]),
        (Draft("x", (Variable("a", "number", default_json='"1"'),)), ["/variables/0/default"]),
        (Draft("x", (Variable("a", default_json="{"),)), ["/variables/0/default"]),
        (Draft("x", (Variable("a", default_json='"%s"' % ("d" * 16_384)),)), ["/variables/0/default"]),
        (Draft("x", (Variable("a", max_chars=1, default_json='"ab"'),)), ["/variables/0/default"]),
        (Draft("x", (Variable("a", "boolean", example_json="1"),)), ["/variables/0/example"]),
        (Draft("x", (Variable("a", "enum"),)), ["/variables/0/options"]),
        (Draft("x", (Variable("a", "enum", options=("x", "x")),)), ["/variables/0/options"]),
        (Draft("x", (Variable("a", options=("x",)),)), ["/variables/0/options"]),
        (Draft("x", (Variable("a", "enum", options=("x",), default_json='"y"'),)), ["/variables/0/default"]),
    ],
)
def test_what_breaks_a_rule_is_named_by_its_pointer(draft: Draft, pointers: list[str]) -> None:
    assert refused_at(draft) == pointers


def test_the_digest_is_over_the_bytes_as_given() -> None:
    composed, decomposed = check_draft(Draft("é")), check_draft(Draft("e\u0301"))

    assert composed.content_sha256 != decomposed.content_sha256
    assert decomposed.body == "e\u0301"


def test_versions_are_the_same_when_content_variables_and_settings_are() -> None:
    one = check_draft(Draft("x", model_settings_json='{"a":1,"b":2}', commit_message="one"))

    assert one.fingerprint == check_draft(Draft("x", model_settings_json='{ "b": 2, "a": 1 }')).fingerprint
    assert one.fingerprint != check_draft(Draft("x")).fingerprint
    assert one.fingerprint != check_draft(Draft("x", (Variable("v"),), '{"a":1,"b":2}')).fingerprint
    assert one.fingerprint != check_draft(Draft((Message("user", "x"),), (), '{"a":1,"b":2}')).fingerprint
