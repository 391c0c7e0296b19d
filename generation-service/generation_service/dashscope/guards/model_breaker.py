"""A breaker per model (the account is the door's own): while a model fails, callers are told at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from servicekit.errors import SphereError
from servicekit.redis.breaker import Admission, Breaker

from generation_service.dashscope.failures import AttemptFailed
from generation_service.dashscope.limits import Limits

_log = structlog.get_logger(__name__)


class ModelBreaker:
    """The way to one model."""

    def __init__(self, model: str, limits: Limits) -> None:
        self._model = model
        self._retry_after_seconds = limits.breaker_first_wait_seconds
        self._breaker = Breaker(
            failures_to_open=limits.breaker_failures,
            first_wait_seconds=limits.breaker_first_wait_seconds,
            longest_wait_seconds=limits.breaker_longest_wait_seconds,
        )
        self._last_error: SphereError | None = None

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Let one attempt through and learn from how it ends.

        Raises:
            SphereError: the breaker is open; class and reason are those of the failure that opened it.
        """
        admission = self._breaker.admit()
        if admission is Admission.REFUSE and self._last_error is not None:
            raise self._refusal(self._last_error)
        is_probe = admission is Admission.PROBE
        try:
            yield
        except AttemptFailed as failure:
            if failure.blames_provider:
                self._failed(failure.error, is_probe=is_probe)
            else:
                self._answered(is_probe=is_probe)
            raise
        except BaseException:
            if is_probe:
                self._breaker.probe_abandoned()
            raise
        self._answered(is_probe=is_probe)

    def _failed(self, error: SphereError, *, is_probe: bool) -> None:
        self._last_error = error
        if is_probe:
            self._breaker.probe_failed()
        elif self._breaker.failed():
            _log.warning("model_breaker_opened", model=self._model, reason=error.reason)

    def _answered(self, *, is_probe: bool) -> None:
        if is_probe:
            self._breaker.probe_succeeded()
            _log.info("model_breaker_closed", model=self._model)
        else:
            self._breaker.succeeded()

    def _refusal(self, last: SphereError) -> SphereError:
        return type(last)(
            "The model has failed several times in a row and is left alone for a moment; try again shortly.",
            reason=last.reason,
            metadata=last.metadata,
            retry_after_seconds=max(self._retry_after_seconds, last.retry_after_seconds or 0.0),
        )
