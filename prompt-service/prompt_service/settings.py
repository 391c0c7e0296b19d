"""Settings of prompt-service: what every service has that works on texts; it needs nothing of its own."""

from servicekit.settings import TextWorkSettings


class PromptSettings(TextWorkSettings):
    """Read from `PROMPTSPHERE_*` environment variables."""
