"""What can be set about auth-service, beside what every service has."""

from pydantic import Field
from servicekit.settings import ServiceSettings

DAY_SECONDS = 86_400


class AuthSettings(ServiceSettings):
    """Read from `PROMPTSPHERE_*` environment variables."""

    registration_open: bool = Field(
        default=False,
        description="Whether anyone may register an account; the launcher opens it on loopback only.",
    )
    session_idle_seconds: int = Field(
        7 * DAY_SECONDS, ge=600, description="A session not refreshed for this long ends."
    )
    session_absolute_seconds: int = Field(
        30 * DAY_SECONDS, ge=600, description="A session ends this long after the sign-in, used or not."
    )
    refresh_grace_seconds: int = Field(
        10, ge=0, le=60, description="For this long a refresh token used again gets the same successor."
    )
    access_token_seconds: int = Field(
        600, ge=60, le=600, description="Lifetime of an access token, for people and API keys."
    )
    signing_key_days: int = Field(
        30, ge=1, le=365, description="Age at which the signing key is replaced by the next one."
    )
    password_memory_kib: int = Field(19_456, ge=7_168, le=1_048_576, description="Memory of one argon2id hash, in KiB.")
    password_iterations: int = Field(2, ge=1, le=20, description="Passes of one argon2id hash.")
    password_queue_size: int = Field(
        64, ge=1, le=1000, description="Sign-ins that may wait for the one hashing thread; more are refused."
    )
