"""The provider's error codes, each with the class and reason of ours and whether a second try may help.

The table follows the vendor's error pages as collected in the design's facts (November 2026). What is not
listed there as retryable is not retried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from servicekit.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    SphereError,
    Unavailable,
)


class Pause(Enum):
    """How long to wait before another try; NEVER means that there is none."""

    NEVER = auto()
    CONNECT = auto()
    SERVER_ERROR = auto()
    RATE = auto()
    BURST = auto()
    ALLOCATION = auto()


@dataclass(frozen=True, slots=True)
class VendorReport:
    """What an error document or error frame says."""

    status: int | None
    code: str
    type: str
    message: str
    retry_after_seconds: float | None = None
    upstream_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One way in which the provider refuses."""

    error: type[SphereError]
    reason: str
    message: str
    pause: Pause = Pause.NEVER
    blames_provider: bool = False
    shows_detail: bool = False


_BAD_REQUEST = ErrorKind(
    InvalidArgument, "model_bad_request", "The model provider refused the request.", shows_detail=True
)
_REJECTED = ErrorKind(
    InvalidArgument,
    "model_rejected_input",
    "The model provider's content inspection refused the text; rephrase it.",
)
_ARREARS = ErrorKind(
    FailedPrecondition,
    "model_arrears",
    "The model provider's account is in arrears or lacks the purchase; settle it.",
)
_AUTH = ErrorKind(FailedPrecondition, "model_auth_failed", "The model provider does not accept the configured API key.")
_ACCESS = ErrorKind(FailedPrecondition, "model_access_denied", "The provider's account may not use this model.")
_MISSING = ErrorKind(NotFound, "model_not_found", "The model provider does not know this model; choose another one.")
_RATE = ErrorKind(
    ResourceExhausted, "model_rate_limited", "The model is rate limited; try again shortly.", Pause.RATE, True
)
_UNLISTED_RATE = ErrorKind(
    ResourceExhausted,
    "model_rate_limited",
    "The model is rate limited; try again shortly.",
    Pause.NEVER,
    True,
)
_BURST = ErrorKind(
    ResourceExhausted,
    "model_rate_limited",
    "Requests grew too fast for the model; try again shortly.",
    Pause.BURST,
    True,
)
_QUOTA = ErrorKind(
    ResourceExhausted,
    "model_quota_exhausted",
    "The model's token quota is used up for the moment; try again in a minute or use another model.",
    Pause.ALLOCATION,
    True,
)
_DOWN = ErrorKind(
    Unavailable,
    "model_unavailable",
    "The model provider has a fault; try again later.",
    Pause.SERVER_ERROR,
    True,
)
_UNLISTED_DOWN = ErrorKind(
    Unavailable, "model_unavailable", "The model provider has a fault; try again later.", Pause.NEVER, True
)

_BY_CODE: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "invalidparameter": _BAD_REQUEST,
        "invalidparametererror": _BAD_REQUEST,
        "invalidrequesterror": _BAD_REQUEST,
        "datainspectionfailed": _REJECTED,
        "arrearage": _ARREARS,
        "invalidapikey": _AUTH,
        "accessdenied": _ACCESS,
        "model.accessdenied": _ACCESS,
        "allocationquota.freetieronly": _ACCESS,
        "modelnotfound": _MISSING,
        "modelnotsupported": _MISSING,
        "commoditynotpurchased": _ARREARS,
        "prepaidbilloverdue": _ARREARS,
        "postpaidbilloverdue": _ARREARS,
        "throttling": _RATE,
        "throttling.ratequota": _RATE,
        "limitrequests": _RATE,
        "throttling.burstrate": _BURST,
        "limitburstrate": _BURST,
        "throttling.allocationquota": _QUOTA,
        "insufficientquota": _QUOTA,
        "internalerror": _DOWN,
        "internalerror.algo": _DOWN,
        "systemerror": _DOWN,
        "modelservicefailed": _DOWN,
        "requesttimeout": _DOWN,
        "modelservingerror": _DOWN,
        "modelunavailable": _DOWN,
        # Words of other OpenAI-compatible servers; none is tried again, for none of them promises to be short.
        "ratelimiterror": _UNLISTED_RATE,
        "ratelimitexceeded": _UNLISTED_RATE,
        "resourceexhausted": _UNLISTED_RATE,
        "overloadederror": _UNLISTED_DOWN,
        "servererror": _UNLISTED_DOWN,
        "internalservererror": _UNLISTED_DOWN,
        "authenticationerror": _AUTH,
        "permissionerror": _ACCESS,
        "notfounderror": _MISSING,
        "contextlengthexceeded": _BAD_REQUEST,
        "contentfilter": _REJECTED,
        "contentpolicyviolation": _REJECTED,
    }
)
_BY_STATUS: Mapping[int, ErrorKind] = MappingProxyType(
    {
        400: _BAD_REQUEST,
        401: _AUTH,
        403: _ACCESS,
        404: _MISSING,
        413: _BAD_REQUEST,
        422: _BAD_REQUEST,
        429: _UNLISTED_RATE,
    }
)


def is_known(report: VendorReport) -> bool:
    """True when the report names a code of the table, or a status."""
    return report.status is not None or any(_plain(word) in _BY_CODE for word in (report.code, report.type))


def kind_of(report: VendorReport) -> ErrorKind:
    """The kind by code, else by type, else by status."""
    for word in (report.code, report.type):
        found = _BY_CODE.get(_plain(word))
        if found is not None:
            return found
    return _BY_STATUS.get(report.status or 500, _UNLISTED_DOWN)


def _plain(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()
