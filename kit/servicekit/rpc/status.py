"""A `SphereError` as a gRPC status with `google.rpc` details, and back (AIP-193)."""

from collections.abc import Sequence
from typing import Any, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from servicekit.errors import ERRORS_BY_CODE, Internal, SphereError, Unavailable, Violation

DOMAIN = "promptsphere"
DETAILS_KEY = "grpc-status-details-bin"
MAX_TEXT_CHARS = 1_000
MAX_VIOLATIONS = 100
MAX_VIOLATION_CHARS = 200


def shown(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """`text` fit for metadata, whose whole size is limited: shortened, and without lone surrogates."""
    whole = text if len(text) <= max_chars else text[: max_chars - 1] + "…"
    return whole.encode("utf-8", "replace").decode("utf-8")


def trailing_details(error: SphereError) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries everything of `error` beyond code and message.

    At most 100 violations: beyond its limit gRPC drops all metadata, and with it the reason.
    """
    words = {name: shown(value, MAX_VIOLATION_CHARS) for name, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=words)
    details = [_packed(info)]
    if error.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(
                field=shown(one.pointer, MAX_VIOLATION_CHARS),
                description=shown(one.message, MAX_VIOLATION_CHARS),
            )
            for one in error.violations[:MAX_VIOLATIONS]
        ]
        details.append(_packed(error_details_pb2.BadRequest(field_violations=fields)))
    if error.retry_after_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(_packed(retry))
    code = grpc.StatusCode[error.code]
    status = status_pb2.Status(
        code=cast("tuple[int, str]", code.value)[0], message=shown(error.message), details=details
    )
    return ((DETAILS_KEY, status.SerializeToString()),)


def error_from_rpc(failure: grpc.aio.AioRpcError) -> SphereError:
    """The error that a server raised, or the nearest one when the failure has no details of ours.

    What the peer's library says is not shown to people: it may hold addresses.
    """
    for key, value in cast("Sequence[tuple[str, Any]]", failure.trailing_metadata() or ()):
        if key == DETAILS_KEY:
            try:
                return _from_status(status_pb2.Status.FromString(value), failure.code().name)
            except DecodeError:
                break  # not written by us
    name = failure.code().name
    if name in {"UNAVAILABLE", "CANCELLED"}:
        return Unavailable("A part of the service cannot be reached; try again in a moment.", retry_after_seconds=1)
    if name == "DEADLINE_EXCEEDED":
        return ERRORS_BY_CODE[name]("The service took too long; whether the change happened is not known.")
    if name == "UNIMPLEMENTED":
        return ERRORS_BY_CODE[name]("This is not served here yet.")
    if name == "RESOURCE_EXHAUSTED":
        return ERRORS_BY_CODE[name]("The message is too large.", reason="too_large")
    return ERRORS_BY_CODE.get(name, Internal)("The service answered in a way that it should not.", reason="internal")


def _from_status(status: status_pb2.Status, code: str) -> SphereError:
    reason, metadata = "internal", {}
    violations: list[Violation] = []
    retry_after: float | None = None
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations = [Violation(one.field, one.description) for one in bad.field_violations]
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return ERRORS_BY_CODE.get(code, Internal)(
        status.message,
        reason=reason,
        metadata=metadata,
        violations=violations,
        retry_after_seconds=retry_after,
    )


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
