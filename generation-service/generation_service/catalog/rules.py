"""Which engines and models a run may use, and which it uses when it names none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from servicekit.errors import FailedPrecondition, invalid_field

from generation_service.dashscope.client import ModelChoice, ModelClient
from generation_service.dashscope.policy import ModelPolicy
from generation_service.engines import DASHSCOPE, RULES, EngineName
from generation_service.execution.context import RunContext


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run will use; `model` is empty for the engine `rules`."""

    engine: EngineName
    model: str


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model that may be named, or the engine without one. Prices: CNY per million tokens, lowest tier."""

    id: str
    engine: EngineName
    context_tokens: int = 0
    has_structured_output: bool = False
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Catalog:
    """The engines that are switched on.

    Attributes:
        default_engine: of runs that name neither engine nor model.
        has_model_engine: a provider can be called.
        defaults: the model for each work.
        models: every model of the policy.
    """

    default_engine: EngineName
    has_model_engine: bool
    defaults: ModelChoice
    models: Mapping[str, ModelPolicy]

    def __post_init__(self) -> None:
        for name in (self.defaults.parse, self.defaults.write, self.defaults.judge):
            if name not in self.models:
                raise ValueError(f"{name!r} is not a known model; known are {', '.join(sorted(self.models))}")
        if self.default_engine == DASHSCOPE and not self.has_model_engine:
            raise ValueError("The engine `dashscope` needs PROMPTSPHERE_DASHSCOPE_API_KEY.")

    def choose(self, *, engine: str, model: str) -> Choice:
        """What a run that names this engine and model (either may be empty) will use.

        Raises:
            InvalidArgument: no such engine or model, or they don't belong together.
            FailedPrecondition: `no_model`, no provider is configured.
        """
        if engine not in {"", RULES, DASHSCOPE}:
            raise invalid_field("/engine", f"must be {RULES} or {DASHSCOPE}")
        if model and model != RULES and model not in self.models:
            known = ", ".join([RULES, *sorted(self.models)] if self.has_model_engine else [RULES])
            raise invalid_field("/model", f"is not a known model; known are {known}")
        wanted = engine or _engine_of(model) or self.default_engine
        if model and wanted != _engine_of(model):
            raise invalid_field("/model", f"does not belong to the engine {wanted}")
        if wanted == RULES:
            return Choice(RULES, "")
        if not self.has_model_engine:
            raise FailedPrecondition(
                "No model engine is configured here; use the engine rules, or have a DashScope key set.",
                reason="no_model",
            )
        return Choice(DASHSCOPE, model or self.defaults.write)

    def entries(self) -> list[CatalogEntry]:
        """What can be named, the default first."""
        found = [CatalogEntry(RULES, RULES, is_default=self.default_engine == RULES)]
        if self.has_model_engine:
            found += [self._entry(policy) for policy in self.models.values()]
        return sorted(found, key=lambda entry: not entry.is_default)

    def _entry(self, policy: ModelPolicy) -> CatalogEntry:
        return CatalogEntry(
            policy.id,
            DASHSCOPE,
            context_tokens=policy.context_tokens,
            has_structured_output=policy.structured == "json_schema",
            input_price=policy.prices[0].input,
            output_price=policy.prices[0].output,
            is_default=self.default_engine == DASHSCOPE and policy.id == self.defaults.write,
        )


def _engine_of(model: str) -> EngineName | None:
    if not model:
        return None
    return RULES if model == RULES else DASHSCOPE


ClientFor: TypeAlias = Callable[[RunContext, str], ModelClient]
"""A model client for a run that writes with this model."""


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """The catalog, and the way to its models; `client_for` is None where no provider is configured."""

    catalog: Catalog
    client_for: ClientFor | None

    def client(self, run: RunContext, choice: Choice) -> ModelClient | None:
        """The client for a run that uses this choice; None for the engine `rules`."""
        if choice.engine == RULES or self.client_for is None:
            return None
        return self.client_for(run, choice.model)
