"""Engines and models: what a run gets that names one, the other, both or neither."""

import pytest
from generation_service.catalog.rules import Catalog, Choice
from generation_service.dashscope.client import ModelChoice
from generation_service.dashscope.policy import load_policy
from servicekit.errors import FailedPrecondition, InvalidArgument

MODELS = load_policy().models


def catalog(*, has_key: bool = True) -> Catalog:
    return Catalog("dashscope" if has_key else "rules", has_key, ModelChoice(), MODELS)


@pytest.mark.parametrize(
    ("engine", "model", "choice"),
    [
        ("", "", Choice("dashscope", "qwen-plus")),
        ("rules", "", Choice("rules", "")),
        ("", "rules", Choice("rules", "")),
        ("", "qwen3-max", Choice("dashscope", "qwen3-max")),
        ("dashscope", "qwen-flash", Choice("dashscope", "qwen-flash")),
    ],
)
def test_engine_and_model_are_chosen(engine: str, model: str, choice: Choice) -> None:
    assert catalog().choose(engine=engine, model=model) == choice


def test_an_unknown_model_is_refused_with_the_list() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        catalog().choose(engine="", model="gpt-9")

    assert "qwen-plus" in refusal.value.message
    assert refusal.value.violations[0].pointer == "/model"


def test_without_a_key_only_rules_can_be_used() -> None:
    assert catalog(has_key=False).choose(engine="", model="") == Choice("rules", "")
    with pytest.raises(FailedPrecondition) as refusal:
        catalog(has_key=False).choose(engine="dashscope", model="")
    assert refusal.value.reason == "no_model"


def test_defaults_that_cannot_work_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="gpt-9"):
        Catalog("rules", has_model_engine=False, defaults=ModelChoice(write="gpt-9"), models=MODELS)
    with pytest.raises(ValueError, match="DASHSCOPE_API_KEY"):
        Catalog("dashscope", has_model_engine=False, defaults=ModelChoice(), models=MODELS)
