from decimal import Decimal

import pytest
from generation_service.dashscope.policy import load_policy
from servicekit.errors import NotFound


def test_every_model_says_where_its_prices_are_from_and_when() -> None:
    for model in load_policy().models.values():
        assert model.source
        assert model.as_of.year >= 2026
        assert model.prices[-1].up_to_input_tokens >= model.context_tokens * 0.99


@pytest.mark.parametrize(
    ("input_tokens", "expected"),
    [(32_000, "0.09"), (32_001, "0.144004"), (128_000, "0.528"), (500_000, "3.528")],
)
def test_the_tier_follows_the_length_of_the_input(input_tokens: int, expected: str) -> None:
    model = load_policy().model("qwen3-max")

    assert model.cost(input_tokens=input_tokens, output_tokens=1000) == Decimal(expected)


def test_cached_input_costs_a_fifth() -> None:
    model = load_policy().model("qwen-flash")

    assert model.cost(input_tokens=1_000, output_tokens=0, cached_tokens=1_000) == Decimal("0.00003")


def test_thinking_has_its_own_price() -> None:
    model = load_policy().model("qwen-plus")
    plain = model.cost(input_tokens=0, output_tokens=1_000_000)

    assert plain == Decimal("2.00039")
    assert model.cost(input_tokens=0, output_tokens=1_000_000, is_thinking=True) == Decimal("7.99459")


def test_a_model_that_is_not_listed_is_not_found() -> None:
    with pytest.raises(NotFound) as raised:
        load_policy().model("gpt-9")

    assert raised.value.reason == "model_not_found"


@pytest.mark.parametrize(
    "change",
    [
        ('thinking = "optional"', 'thinking = "maybe"'),
        ("up_to_input_tokens = 256_000", "up_to_input_tokens = 1"),
    ],
)
def test_contradictory_data_is_refused(change: tuple[str, str]) -> None:
    text = """
cny_per_usd = "7"
cached_input_ratio = "0.2"
[[models]]
id = "m"
title = "M"
context_tokens = 10
max_output_tokens = 10
structured = "none"
thinking = "optional"
output_limit_field = "max_tokens"
source = "here"
as_of = 2026-01-01
prices = [
    { up_to_input_tokens = 128_000, input = "1", output = "1" },
    { up_to_input_tokens = 256_000, input = "1", output = "1" },
]
"""
    assert load_policy(text).model("m").id == "m"

    with pytest.raises(ValueError, match="m must be"):
        load_policy(text.replace(*change))
