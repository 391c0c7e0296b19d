"""Settings of the gateway."""

import ipaddress
import re

from pydantic import Field, field_validator, model_validator
from servicekit.settings import CommonSettings

# As browsers send it: scheme, host in lower case, a port that is not the scheme's own; never a path.
ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


class GatewaySettings(CommonSettings):
    """Read from `PROMPTSPHERE_*` environment variables; what all processes share stands in the kit."""

    host: str = Field("127.0.0.1", description="Address that HTTP is served on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that HTTP is served on.")
    auth_target: str = Field(description="gRPC target of auth-service.")
    prompt_target: str = Field(description="gRPC target of prompt-service.")
    generation_target: str = Field(description="gRPC target of generation-service.")
    cors_origins: str = Field(
        "",
        description="Origins that browsers may call from, comma-separated and exact; empty: none but our own.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=8,
        description="How many proxies of ours stand before the gateway; the client's address is that many from the "
        "right of X-Forwarded-For.",
    )
    rate_per_second: float = Field(50, gt=0, description="Requests per second of one user or API key.")
    rate_burst: int = Field(200, ge=1, description="Requests at once of one user or API key.")
    sign_in_rate_per_second: float = Field(5, gt=0, description="Registrations and logins per second of one address.")
    sign_in_burst: int = Field(50, ge=1, description="Registrations and logins at once of one address.")
    refresh_rate_per_second: float = Field(20, gt=0, description="Refreshes per second of one address.")
    refresh_burst: int = Field(100, ge=1, description="Refreshes at once of one address.")
    bad_key_rate_per_second: float = Field(1, gt=0, description="Bad API keys per second of one address.")
    bad_key_burst: int = Field(50, ge=1, description="Bad API keys at once of one address.")
    max_in_flight: int = Field(256, ge=1, description="Requests worked on at once; streams apart.")
    max_waiting: int = Field(256, ge=0, description="Requests that may wait for their turn; beyond: 503.")
    max_pending_bodies: int = Field(
        1024, ge=1, description="Requests whose body is under way at once; beyond, whoever has most of them gets 503."
    )
    max_pending_bodies_per_address: int = Field(
        64, ge=1, description="Requests of one address whose body is under way at once; beyond: 429."
    )
    max_streams: int = Field(2000, ge=1, description="Event streams open at once; beyond: 503.")
    heartbeat_seconds: float = Field(15.0, gt=0, description="Silence on an event stream before a comment is sent.")
    reattach_seconds: float = Field(30.0, ge=0, description="How long an event stream looks for its lost backend.")
    drain_seconds: float = Field(25.0, ge=0, le=300, description="Longest wait for open streams at shutdown.")
    unready_seconds: float = Field(
        0.2,
        ge=0,
        le=60,
        description="Time between going unready and closing the port, for load balancers to notice.",
    )

    @property
    def origins(self) -> list[str]:
        """The origins as a list."""
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    @property
    def is_loopback(self) -> bool:
        """HTTP is served to this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, value: str) -> str:
        for origin in filter(None, (part.strip() for part in value.split(","))):
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"PROMPTSPHERE_CORS_ORIGINS lists exact origins such as https://app.example.com; not {origin!r}",
                )
        return value

    @model_validator(mode="after")
    def _no_debug_in_public(self) -> "GatewaySettings":
        if self.debug and not self.is_loopback:
            raise ValueError("PROMPTSPHERE_DEBUG is for loopback only; unset it or bind PROMPTSPHERE_HOST to 127.0.0.1")
        return self
