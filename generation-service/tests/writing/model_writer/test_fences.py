import pytest
from generation_service.writing.model_writer.fences import FenceStripper
from hypothesis import given
from hypothesis import strategies as st

CASES = [
    ("## Role\nYou are X.", "## Role\nYou are X."),
    ("\n\n ## Role\nX.\n\n", "## Role\nX."),
    ("```\n## Role\nX.\n```", "## Role\nX."),
    ("```markdown\n## Role\nX.\n```\n", "## Role\nX."),
    ("```md\n## Role\n```json\n{}\n```\nX.\n```", "## Role\n```json\n{}\n```\nX."),
    ("## Output\n```json\n{}\n```", "## Output\n```json\n{}\n```"),
    ("```markdown\n## Output\n```json\n{}\n```", "## Output\n```json\n{}\n```"),
    ("```python\nprint()\n```", "```python\nprint()\n```"),
    ("```xml\n<role>你是助手</role>\n```", "<role>你是助手</role>"),
    ("```\nX.\n```\nThat is the prompt.", "X.\n```\nThat is the prompt."),
    ("`code` first", "`code` first"),
    ("```", "```"),
    ("", ""),
    ("\n```\n```````", "```````"),
    ("a\n\n\nb ` c", "a\n\n\nb ` c"),
]


def strip(pieces: list[str]) -> str:
    fences = FenceStripper()
    return "".join([*map(fences.feed, pieces), fences.finish()])


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_wrapping_fence_goes_and_every_other_stays(text: str, expected: str) -> None:
    assert strip([text]) == expected
    assert strip(list(text)) == expected


@given(
    st.lists(st.sampled_from(["```", "\n", "`", "md", "x", " ", "```json\n", "\n```\n", "你"]), max_size=14).map(
        "".join
    ),
    st.data(),
)
def test_how_the_text_is_cut_changes_nothing_and_nothing_else_is_lost(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert strip(pieces) == strip([text])
    assert strip([text]) in text
