"""From what the provider does to our typed errors."""

from collections.abc import Mapping
from types import MappingProxyType

from servicekit.errors import DeadlineExceeded, InvalidArgument, SphereError, Unavailable

from generation_service.dashscope.vendor_codes import Pause, VendorReport, is_known, kind_of

_MAX_DETAIL_CHARS = 300
_RETRY_AFTER_SECONDS: Mapping[Pause, float] = MappingProxyType(
    {
        Pause.RATE: 5.0,
        Pause.BURST: 10.0,
        Pause.ALLOCATION: 60.0,
        Pause.SERVER_ERROR: 5.0,
        Pause.CONNECT: 5.0,
    }
)


class AttemptFailed(Exception):
    """One attempt failed; stays inside the door, which retries or raises `error`.

    Attributes:
        error: what the caller of the door will see.
        pause: how long to wait before the next attempt, if one is allowed.
        is_refusal: True when the provider did no work, so nothing is billed.
        blames_provider: True when the breaker shall count it: no connection, a time-out, 5xx, 429. What an answer
            says or how it is written is never counted, so that one tenant's odd answers do not shut out others.
        retry_after_seconds: what the provider asked for.
        upstream_request_id: as the provider named the request.
    """

    def __init__(
        self,
        error: SphereError,
        *,
        pause: Pause = Pause.NEVER,
        is_refusal: bool = False,
        blames_provider: bool = False,
        retry_after_seconds: float | None = None,
        upstream_request_id: str | None = None,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.pause = pause
        self.is_refusal = is_refusal
        self.blames_provider = blames_provider
        self.retry_after_seconds = retry_after_seconds
        self.upstream_request_id = upstream_request_id


def vendor_failure(report: VendorReport, *, model: str, is_in_band: bool = False) -> AttemptFailed:
    """The failure for an error that the provider has put into words; `is_in_band` inside a reply of status 200."""
    kind = kind_of(report)
    # In band, an error without a code of its own may be about the content of this one call.
    is_counted = not is_in_band or is_known(report)
    message = kind.message
    if kind.shows_detail and report.message:
        message = f"{message[:-1]}: {report.message[:_MAX_DETAIL_CHARS]}"
    retry_after = report.retry_after_seconds or _RETRY_AFTER_SECONDS.get(kind.pause)
    error = kind.error(
        message,
        reason=kind.reason,
        metadata={"model": model, "vendor_code": report.code[:100]},
        retry_after_seconds=retry_after,
    )
    return AttemptFailed(
        error,
        pause=kind.pause,
        is_refusal=True,
        blames_provider=kind.blames_provider and is_counted,
        retry_after_seconds=report.retry_after_seconds,
        upstream_request_id=report.upstream_request_id,
    )


def connect_failed(*, model: str) -> AttemptFailed:
    """The provider could not be reached at all: nothing was sent, so trying again is safe."""
    error = Unavailable(
        "The model provider cannot be reached; try again shortly.",
        reason="model_unavailable",
        metadata={"model": model},
        retry_after_seconds=5.0,
    )
    return AttemptFailed(error, pause=Pause.CONNECT, is_refusal=True, blames_provider=True)


def connection_lost(*, model: str) -> AttemptFailed:
    """The connection broke after the request went out and before a reply: it may have been worked on."""
    error = Unavailable(
        "The connection to the model provider broke before it answered; try again.",
        reason="model_unavailable",
        metadata={"model": model},
    )
    return AttemptFailed(error, blames_provider=True)


def timed_out(*, model: str, is_silent: bool = True) -> AttemptFailed:
    """The provider kept us waiting; it may still be working, so there is no second try.

    `is_silent` is False when it was talking until our own time was up: an answer too long is not its fault.
    """
    error = DeadlineExceeded(
        "The model did not answer in time; try again or use a faster model.",
        reason="model_timeout",
        metadata={"model": model},
    )
    return AttemptFailed(error, blames_provider=is_silent)


def stream_cut(*, model: str) -> AttemptFailed:
    """The answer ended without a finish reason."""
    error = Unavailable(
        "The model's answer broke off before its end; try again.",
        reason="model_stream_cut",
        metadata={"model": model},
    )
    return AttemptFailed(error)


def protocol_error(what: str, *, model: str) -> AttemptFailed:
    """The reply is not what the protocol allows; `what` is a short clause without content of the reply."""
    error = Unavailable(
        f"The model provider's reply could not be understood ({what}); try again.",
        reason="model_protocol_error",
        metadata={"model": model},
    )
    return AttemptFailed(error)


def content_refused(*, model: str) -> AttemptFailed:
    """The provider's filter, or the model itself, ended the answer."""
    error = InvalidArgument(
        "The model provider's content inspection refused the text; rephrase it.",
        reason="model_rejected_input",
        metadata={"model": model},
    )
    return AttemptFailed(error)


def provider_gave_up(*, model: str) -> AttemptFailed:
    """The provider ended the answer because it is short of something."""
    error = Unavailable(
        "The model provider stopped in the midst of the answer; try again shortly.",
        reason="model_unavailable",
        metadata={"model": model},
    )
    return AttemptFailed(error)
