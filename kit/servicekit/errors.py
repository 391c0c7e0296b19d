"""The one base error of all services, and a subclass for each gRPC code that the domain may raise.

Raised anywhere below an RPC, carried as a gRPC status with `google.rpc` details (AIP-193), shown by the
gateway as `application/problem+json` (RFC 9457).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that is wrong: a JSON pointer (RFC 6901) into the request and a sentence."""

    pointer: str
    message: str


class SphereError(Exception):
    """A refusal or failure that a caller can understand and act on.

    Attributes:
        code: name of the gRPC status code.
        reason: stable snake_case word; the `code` of the problem document.
        message: one English sentence that says what to do.
        metadata: words the localised sentence may need; strings only, never secrets.
        violations: the fields at fault, when there are any.
        retry_after_seconds: how long to wait before trying again, when that can help.
    """

    code: ClassVar[str] = "UNKNOWN"
    default_reason: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, reason={self.reason!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """A worker process sends it to its parent; exceptions are made again without keywords by default."""
        remake = partial(
            type(self),
            self.message,
            reason=self.reason,
            metadata=dict(self.metadata),
            violations=self.violations,
            retry_after_seconds=self.retry_after_seconds,
        )
        return remake, ()


class InvalidArgument(SphereError):
    """The request is wrong by itself, whatever the state."""

    code = "INVALID_ARGUMENT"
    default_reason = "invalid_request"


class Unauthenticated(SphereError):
    """Who calls is not known, or no longer."""

    code = "UNAUTHENTICATED"
    default_reason = "unauthenticated"


class PermissionDenied(SphereError):
    """Who calls is known and may not do this."""

    code = "PERMISSION_DENIED"
    default_reason = "forbidden"


class NotFound(SphereError):
    """It is not there, or not the caller's: both look the same (AIP-211)."""

    code = "NOT_FOUND"
    default_reason = "not_found"


class AlreadyExists(SphereError):
    """Something unique is taken."""

    code = "ALREADY_EXISTS"
    default_reason = "already_exists"


class FailedPrecondition(SphereError):
    """The state must change before this can work."""

    code = "FAILED_PRECONDITION"
    default_reason = "failed_precondition"


class Aborted(SphereError):
    """Somebody else was faster; read again, then decide."""

    code = "ABORTED"
    default_reason = "stale"


class ResourceExhausted(SphereError):
    """A limit or budget is used up."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "rate_limited"


class Unavailable(SphereError):
    """Something that is needed cannot be reached now; trying later can help."""

    code = "UNAVAILABLE"
    default_reason = "unavailable"


class DeadlineExceeded(SphereError):
    """It took longer than the caller would wait; whether it happened is not known."""

    code = "DEADLINE_EXCEEDED"
    default_reason = "deadline_exceeded"


class Unimplemented(SphereError):
    """This call exists in the contract and is not served here."""

    code = "UNIMPLEMENTED"
    default_reason = "not_implemented"


class Internal(SphereError):
    """A defect of ours; the request id finds it in the logs."""

    code = "INTERNAL"
    default_reason = "internal"


def invalid_field(pointer: str, message: str) -> InvalidArgument:
    """The error about one field: `message` goes on after its name, such as "must be zh or en"."""
    return InvalidArgument(f"{pointer.rsplit('/', 1)[-1]} {message}.", violations=[Violation(pointer, message)])


ERRORS_BY_CODE: Mapping[str, type[SphereError]] = MappingProxyType(
    {error.code: error for error in SphereError.__subclasses__()},
)
