"""Lint is fast on ordinary prompts, linear on hostile ones, and survives any text."""

import gc
import random
import time
import unicodedata
from pathlib import Path

import pytest
from generation_service.lint.rules import lint
from generation_service.text.document import read
from generation_service.text.tokens import estimate_tokens
from hypothesis import given
from hypothesis import strategies as st
from servicekit.normal_form import nfc

pytestmark = pytest.mark.slow

GOOD = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "good").glob("*.md"))]
LARGE_BYTES = 256 * 1024
SMALL_BYTES = 32 * 1024
MOST_GROWTH = 3
"""Linear work grows by the size; quadratic work by its square. Timing noise lies between."""
MOST_SECONDS = 20

HOSTILE = {
    "braces": "{",
    "open variable": "{{ ",
    "quoted variable": '"{{text}}"',
    "reference": "{{> a/b",
    "tags": "<a>",
    "open tag": "<a ",
    "closing tags": "</a>",
    "nested output": "<output>{",
    "headings": "# 示例\n",
    "labels": "输出：{\n",
    "examples": '# 输出 JSON\n{"a":1}\n# 示例\n输出：{"a":1}\n',
    "fences": "```\nx\n",
    "backticks": "`",
    "items": "# 禁止\n- 不要a\n- 不要b\n- 不要c\n\nx\n",
    "blank items": "- 。" + " " * 1_000,
    "clauses": "a;",
    "letters": "a",
    "digits": "1",
    "blanks": " ",
    "line ends": "\n",
    "addresses": "a@",
    "web tokens": "eyJaaaaaaaaaa.",
    "keys": "sk-",
    "passwords": "password:        ",
    "logins": "http://a:",
    "vague": "尽量",
    "conditions": "if ",
    "poles": "be concise and ",
    "limits": "不超过 100 字。至少 500 字。",
    "combining marks": "\u0301\u0316",
    "brackets": "【",
    "quotes": '"',
}


def seconds_for(text: str) -> float:
    """The CPU time of one run: what others do on the machine doesn't count."""
    gc.collect()
    start = time.process_time()
    lint(text, "zh", {"x"}, 100, set())
    return time.process_time() - start


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    repeats = LARGE_BYTES // len(unit.encode())
    small = seconds_for(unit * max(1, repeats * SMALL_BYTES // LARGE_BYTES))

    large = seconds_for(unit * repeats)

    assert large < MOST_SECONDS
    assert large <= max(0.3, MOST_GROWTH * small * LARGE_BYTES / SMALL_BYTES)


@pytest.mark.parametrize("text", GOOD)
def test_an_ordinary_prompt_takes_less_than_20_milliseconds(text: str) -> None:
    lint(text)

    assert min(seconds_for(text) for _ in range(5)) < 0.020


PIECES = st.sampled_from(
    [
        "# ",
        "## 示例\n",
        "\n",
        "\n\n",
        "{{ x }}",
        "{{",
        "}}",
        "<a>",
        "</a>",
        "<output>",
        "```",
        "`",
        "输出：",
        "JSON",
        "{",
        '"a":',
        "必须",
        "不要",
        "maybe",
        "。",
        "\r\n",
        "e\u0301",
        "😀",
        "- ",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join))
def test_offsets_lie_in_the_text_whatever_it_is(content: str) -> None:
    text = unicodedata.normalize("NFC", content)

    for finding in lint(content, declared_variables=(), known_references=()):
        assert 0 <= finding.start <= finding.end <= len(text)
        assert finding.message


@given(st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join))
def test_masks_keep_every_offset(content: str) -> None:
    document = read(content)

    for mask in (document.uncoded, document.prose, document.instructions):
        assert len(mask) == len(document.text)
        assert all(shown in {" ", original} for shown, original in zip(mask, document.text, strict=True))


@given(st.text(alphabet="aeéü中\u0301\u0316\u0323가\u1100\u1161", max_size=60))
def test_normalising_is_nfc(content: str) -> None:
    assert nfc(content) == unicodedata.normalize("NFC", content)


def test_absurd_runs_of_combining_marks_are_left_alone() -> None:
    run = "\u0301\u0316" * 100

    assert nfc(f"e\u0301 x{run}y e\u0301") == f"é x{run}y é"


def test_the_same_text_gives_the_same_findings() -> None:
    chance = random.Random(3)
    text = "".join(chance.choice("{}<>/`#*-:：。 \nab输出if必须") for _ in range(3_000))

    assert lint(text) == lint(text)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("hello world", 2, 3),
        ("你是一名客服", 4, 6),
        ("2024", 4, 4),
        ("a\n\nb", 3, 3),
        ("internationalization", 4, 4),
    ],
)
def test_tokens_are_estimated(text: str, least: int, most: int) -> None:
    assert least <= estimate_tokens(text) <= most
