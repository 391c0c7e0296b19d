"""The policy of each model as typed data: capabilities, limits and prices; see `policy.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from servicekit.errors import NotFound

_MILLION = Decimal(1_000_000)
_COST_STEP = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class PriceTier:
    """CNY per million tokens for inputs up to a length."""

    up_to_input_tokens: int
    input: Decimal
    output: Decimal
    thinking_output: Decimal


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """One model.

    Attributes:
        structured: which `response_format` it understands.
        thinking: whether it can be told to think, or not to.
        output_limit_field: the wire's name for the cap of the answer.
        source: where the prices are from; `as_of`: when they were read.
    """

    id: str
    title: str
    context_tokens: int
    max_output_tokens: int
    structured: Literal["json_schema", "json_object", "none"]
    thinking: Literal["never", "optional", "always"]
    output_limit_field: Literal["max_tokens", "max_completion_tokens"]
    prices: tuple[PriceTier, ...]
    cached_input_ratio: Decimal
    source: str
    as_of: date

    def cost(
        self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0, is_thinking: bool = False
    ) -> Decimal:
        """The price of a call in CNY, to eight decimal places; `cached_tokens` are part of `input_tokens`."""
        tier = next((t for t in self.prices if input_tokens <= t.up_to_input_tokens), self.prices[-1])
        cached = min(cached_tokens, input_tokens)
        fresh = Decimal(input_tokens - cached) + Decimal(cached) * self.cached_input_ratio
        output_price = tier.thinking_output if is_thinking else tier.output
        total = (fresh * tier.input + Decimal(output_tokens) * output_price) / _MILLION
        return total.quantize(_COST_STEP, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Policy:
    """All models that may be called; what is not listed is not called."""

    models: Mapping[str, ModelPolicy]

    def model(self, model_id: str) -> ModelPolicy:
        """The policy of a model. Raises NotFound (`model_not_found`) when it is not listed."""
        found = self.models.get(model_id)
        if found is None:
            raise NotFound(
                f"There is no model {model_id[:100]!r}; GET /api/v1/models lists those that can be used.",
                reason="model_not_found",
                metadata={"model": model_id[:100]},
            )
        return found


def load_policy(text: str | None = None) -> Policy:
    """The policy from TOML; without a text the one that comes with the service.

    Raises:
        KeyError, ValueError: the data is incomplete or contradicts itself.
    """
    source = files("generation_service.dashscope").joinpath("policy.toml").read_text("utf-8") if text is None else text
    table = tomllib.loads(source)
    rate, ratio = Decimal(table["cny_per_usd"]), Decimal(table["cached_input_ratio"])
    models = [_model(entry, rate=rate, ratio=ratio) for entry in table["models"]]
    if len({model.id for model in models}) != len(models):
        raise ValueError("a model is listed twice")
    return Policy(MappingProxyType({model.id: model for model in models}))


def _model(entry: Mapping[str, Any], *, rate: Decimal, ratio: Decimal) -> ModelPolicy:
    tiers = tuple(_tier(tier, rate) for tier in entry["prices"])
    lengths = [tier.up_to_input_tokens for tier in tiers]
    if not tiers or lengths != sorted(set(lengths)):
        raise ValueError(f"the price tiers of {entry['id']} must be there and grow")
    if entry["structured"] not in {"json_schema", "json_object", "none"}:
        raise ValueError(f"structured of {entry['id']} must be json_schema, json_object or none")
    if entry["thinking"] not in {"never", "optional", "always"}:
        raise ValueError(f"thinking of {entry['id']} must be never, optional or always")
    return ModelPolicy(**{**entry, "prices": tiers, "cached_input_ratio": ratio})


def _tier(entry: Mapping[str, Any], rate: Decimal) -> PriceTier:
    factor = rate if entry.get("currency", "CNY") == "USD" else Decimal(1)
    output = Decimal(entry["output"]) * factor
    return PriceTier(
        up_to_input_tokens=entry["up_to_input_tokens"],
        input=Decimal(entry["input"]) * factor,
        output=output,
        thinking_output=Decimal(entry["thinking_output"]) * factor if "thinking_output" in entry else output,
    )
