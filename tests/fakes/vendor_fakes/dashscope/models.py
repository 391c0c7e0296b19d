"""What each model of the fake can do; invented where the vendor is silent, otherwise as its pages say."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class FakeModel:
    """A model's switches."""

    name: str
    thinking: Literal["never", "off_by_default", "on_by_default", "always"] = "never"
    supports_json_schema: bool = True
    context_tokens: int = 131_072

    def thinks(self, enable_thinking: bool | None) -> bool:  # noqa: FBT001 - the wire's own tri-state
        """True when a call with this `enable_thinking` would produce reasoning."""
        if self.thinking == "never":
            return False
        if self.thinking == "always":
            return True
        return (self.thinking == "on_by_default") if enable_thinking is None else enable_thinking


MODELS: Mapping[str, FakeModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            FakeModel("qwen-flash", "off_by_default", context_tokens=1_000_000),
            FakeModel("qwen-plus", "off_by_default", context_tokens=1_000_000),
            FakeModel("qwen3-max", "off_by_default", context_tokens=262_144),
            FakeModel("qwen3.6-flash", "on_by_default", context_tokens=1_000_000),
            FakeModel("qwen3.7-plus", "on_by_default", context_tokens=1_000_000),
            FakeModel("qwen3.7-max", "on_by_default", context_tokens=262_144),
            FakeModel("deepseek-v4-flash", "off_by_default", supports_json_schema=False),
            FakeModel("qwen3-32b", "on_by_default", supports_json_schema=False),
            FakeModel("qwq-plus", "always", supports_json_schema=False),
        )
    }
)
