import pytest
from prompt_service.prompt_row.names import folders_of, problem_of_name


@pytest.mark.parametrize(
    "name",
    ["a", "0", "support/refund", "a.b", "v1.2-rc_3", "a" * 128, "/".join("abcdefghij"), "a-", "a_", "a.-b"],
)
def test_a_name_within_the_grammar_is_fine(name: str) -> None:
    assert problem_of_name(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give the prompt a name"),
        ("a" * 129, "at most 128 characters; this has 129"),
        ("/".join("abcdefghijk"), "at most 10 segments; this has 11"),
        ("/a", "single slashes"),
        ("a/", "single slashes"),
        ("a//b", "single slashes"),
        ("A", "Begin each segment"),
        ("-a", "Begin each segment"),
        ("_a", "Begin each segment"),
        (".a", "Begin each segment"),
        ("a.", "dots may stand inside"),
        ("a..b", "dots may stand inside"),
        ("a/../b", "dots may stand inside"),
        ("客服", "Begin each segment"),
        ("a b", "Begin each segment"),
        ("a\n", "Begin each segment"),
        ("a\0", "Begin each segment"),
    ],
)
def test_a_name_outside_of_it_gets_the_sentence_that_fits(name: str, words: str) -> None:
    assert words in problem_of_name(name)


def test_folders_are_named_from_the_outermost() -> None:
    assert list(folders_of("a/b/c")) == ["a", "a/b"]
    assert list(folders_of("a")) == []
