"""What can be set about generation-service, beside what every service has."""

from typing import Literal

from pydantic import Field
from servicekit.settings import TextWorkSettings

from generation_service.engines import EngineName


class GenerationSettings(TextWorkSettings):
    """Read from `PROMPTSPHERE_*` environment variables."""

    engine: Literal["", "rules", "dashscope"] = Field(
        "", description="Engine of runs that name none; empty: `dashscope` when there is a key, else `rules`."
    )
    dashscope_api_key: str = Field("", description="DashScope API key; empty: no model is called.", repr=False)
    dashscope_base_url: str = Field(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        description="DashScope's OpenAI-compatible base URL of the region that the key belongs to.",
    )
    model_proxy_url: str = Field(
        "",
        description="HTTP proxy to the model provider (`http://user:password@host:port`); empty: none. "
        "`http_proxy` and the like are not obeyed.",
        repr=False,
    )
    parse_model: str = Field("qwen-flash", description="Model that reads descriptions.")
    write_model: str = Field("qwen-plus", description="Model that writes prompts when a run names none.")
    judge_model: str = Field("qwen3-max", description="Model that assesses prompts when a run names none.")
    model_connect_seconds: float = Field(
        5.0, gt=0, le=60, description="Longest wait for a connection to the model provider."
    )
    model_first_byte_seconds: float = Field(
        30.0, gt=0, le=300, description="Longest wait for the first byte of a model's answer, once connected."
    )
    model_idle_seconds: float = Field(
        30.0, gt=0, le=300, description="Longest time without new text in the middle of a model's answer."
    )
    model_structured_seconds: float = Field(
        20.0, gt=0, le=300, description="Longest structured call, such as a parse, its repair included."
    )
    run_limit_seconds: float = Field(
        600.0, gt=0, le=3600, description="A run that takes longer, its wait included, ends as `run_timeout`."
    )
    run_lease_seconds: float = Field(
        10.0, ge=3, le=300, description="A run whose process is silent for so long ends as `interrupted`."
    )
    max_running_runs: int = Field(32, ge=1, le=1000, description="Runs at work at once in one process.")
    max_queued_runs: int = Field(64, ge=0, le=10_000, description="Runs that may wait behind them.")
    run_window_seconds: float = Field(
        0.05, ge=0, le=1, description="Text of a run that comes within this time becomes one event."
    )
    max_run_readers: int = Field(2000, ge=1, le=100_000, description="Open event streams of one process.")
    slow_reader_seconds: float = Field(
        20.0, gt=0, le=600, description="An event stream that takes nothing for so long is closed."
    )
    run_drain_seconds: float = Field(
        8.0, ge=0, le=300, description="At shutdown, how long runs at work may still take."
    )

    @property
    def default_engine(self) -> EngineName:
        """The engine of runs that name none."""
        return self.engine or ("dashscope" if self.dashscope_api_key else "rules")
