"""Settings of prompt-service: what every service has; it needs nothing of its own."""

from servicekit.settings import ServiceSettings


class PromptSettings(ServiceSettings):
    """Read from `PROMPTSPHERE_*` environment variables."""
