"""The engines that can work on a run: deterministic rules, or a model at the provider."""

from typing import Final, Literal, TypeAlias

EngineName: TypeAlias = Literal["rules", "dashscope"]

RULES: Final = "rules"
DASHSCOPE: Final = "dashscope"
