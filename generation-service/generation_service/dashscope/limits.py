"""How long we wait, how much we read, how often we try; every figure is a parameter."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits before the second attempt, in seconds; a `Retry-After` of the provider can only lengthen them."""

    connect_seconds: float = 0.2
    server_error_seconds: float = 1.0
    rate_seconds: float = 2.0
    burst_seconds: float = 4.0
    allocation_seconds: float = 15.0
    jitter_ratio: float = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the door.

    `run_timeout_seconds` bounds one streamed call with everything in it (the provider's own limit; what hangs ends
    long before, by the silence of its text), `reasoning_timeout_seconds` how long it may think without a word of
    text, `structured_timeout_seconds` one structured call with its repair; `usage_timeout_seconds` is how long a
    finished answer may still owe its usage, `drain_timeout_seconds` how long a connection may take to end after
    `[DONE]` and be used again.
    """

    connect_timeout_seconds: float = 5.0
    first_byte_timeout_seconds: float = 30.0
    idle_timeout_seconds: float = 30.0
    reasoning_timeout_seconds: float = 180.0
    structured_timeout_seconds: float = 20.0
    run_timeout_seconds: float = 300.0
    usage_timeout_seconds: float = 5.0
    drain_timeout_seconds: float = 0.2
    keepalive_seconds: float = 15.0
    max_line_bytes: int = 1024 * 1024
    max_body_bytes: int = 8 * 1024 * 1024
    max_error_bytes: int = 64 * 1024
    max_concurrency: int = 32
    max_waiting: int = 256
    max_attempts: int = 2
    breaker_failures: int = 5
    breaker_first_wait_seconds: float = 5.0
    breaker_longest_wait_seconds: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
