"""The vendor's error table (Model Studio, "Error messages", November 2026), with the codes of both wires."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vendor_fakes.dashscope.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class VendorError:
    """One refusal as the vendor phrases it."""

    status: int
    code: str
    message: str
    type: str = "invalid_request_error"
    param: str | None = None

    def body(self, request_id: str) -> JsonObject:
        """The compatible mode's error document."""
        error: JsonObject = {
            "message": self.message,
            "type": self.type,
            "code": self.code,
            "param": self.param,
        }
        return {"error": error, "request_id": request_id}


class Refused(Exception):
    """A request that the vendor refuses."""

    def __init__(self, error: VendorError) -> None:
        super().__init__(error.message)
        self.error = error


_SERVER = "server_error"
_LIMIT = "rate_limit_error"

VENDOR_ERRORS: Mapping[str, VendorError] = MappingProxyType(
    {
        "invalid_parameter": VendorError(400, "invalid_parameter_error", "Parameter values are out of range."),
        "data_inspection": VendorError(
            400,
            "data_inspection_failed",
            "Input data may contain inappropriate content.",
            "data_inspection_failed",
        ),
        "arrears": VendorError(
            400, "Arrearage", "Access denied, please make sure your account is in good standing.", "Arrearage"
        ),
        "invalid_api_key": VendorError(401, "invalid_api_key", "Incorrect API key provided."),
        "access_denied": VendorError(403, "AccessDenied", "Access denied.", "access_denied"),
        "free_tier_only": VendorError(
            403,
            "AllocationQuota.FreeTierOnly",
            "The free tier of the model has been exhausted.",
            "AllocationQuota.FreeTierOnly",
        ),
        "model_not_found": VendorError(
            404, "model_not_found", "The model does not exist or you do not have access to it."
        ),
        "throttling": VendorError(429, "Throttling", "Requests throttling triggered.", _LIMIT),
        "rate_quota": VendorError(429, "Throttling.RateQuota", "Requests rate limit exceeded.", _LIMIT),
        "limit_requests": VendorError(429, "limit_requests", "You exceeded your current requests list.", _LIMIT),
        "burst_rate": VendorError(429, "Throttling.BurstRate", "Request rate increased too quickly.", _LIMIT),
        "limit_burst_rate": VendorError(429, "limit_burst_rate", "Request rate increased too quickly.", _LIMIT),
        "allocation_quota": VendorError(429, "Throttling.AllocationQuota", "Allocated quota exceeded.", _LIMIT),
        "insufficient_quota": VendorError(429, "insufficient_quota", "You exceeded your current quota.", _LIMIT),
        "not_purchased": VendorError(429, "CommodityNotPurchased", "Commodity has not purchased yet.", _LIMIT),
        "prepaid_overdue": VendorError(429, "PrepaidBillOverdue", "The prepaid bill is overdue.", _LIMIT),
        "postpaid_overdue": VendorError(429, "PostpaidBillOverdue", "The postpaid bill is overdue.", _LIMIT),
        "internal_error": VendorError(500, "internal_error", "An internal error has occured.", _SERVER),
        "internal_algo": VendorError(
            500, "InternalError.Algo", "An internal error has occured during execution.", _SERVER
        ),
        "system_error": VendorError(
            500, "SystemError", "An system error has occured, please try again later.", _SERVER
        ),
        "model_service_failed": VendorError(500, "ModelServiceFailed", "Failed to request model service.", _SERVER),
        "request_timeout": VendorError(500, "RequestTimeOut", "Request timed out, please try again later.", _SERVER),
        "model_serving": VendorError(503, "ModelServingError", "Too many requests are being served.", _SERVER),
        "model_unavailable": VendorError(503, "ModelUnavailable", "Model is unavailable, try again later.", _SERVER),
    }
)
"""By a short name, which is what a fault's `error` refers to."""
