import time
import unicodedata

import pytest
from servicekit.normal_form import MOST_MARKS, nfc

HALF_A_MEGABYTE = 512 * 1024


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "客服 агент",
        "cafe\u0301",
        "\u1112\u1161\u11ab",
        "a\u0323\u0307b",
        "\u0f73" * 8,
        "q\u0307\u0323" * 99,
    ],
)
def test_ordinary_text_is_in_nfc(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)


def test_what_stands_around_an_absurd_run_is_in_nfc() -> None:
    run = "\u0301\u0316" * MOST_MARKS

    assert nfc(f"e\u0301 a{run} e\u0301") == f"\u00e9 a{run} \u00e9"


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73", "\u0344", "\u0f73\u0f71", "\u0f81\u0f75"])
def test_no_text_takes_longer_than_its_length_deserves(marks: str) -> None:
    text = "a" + marks * (HALF_A_MEGABYTE // len(marks))
    started = time.process_time()

    once = nfc(text)

    assert time.process_time() - started < 1.0
    assert nfc(once) == once
