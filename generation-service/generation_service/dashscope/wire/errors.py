"""The error in a document, in whichever of the many spellings; a keep-alive or an answer has none."""

from collections.abc import Iterator

from servicekit.json_types import JsonObject, JsonValue

from generation_service.dashscope.failures import AttemptFailed, protocol_error, vendor_failure
from generation_service.dashscope.vendor_codes import VendorReport
from generation_service.dashscope.wire.json_text import read_json, well_formed

_MAX_WORD_CHARS = 2000
_CODES = ("code", "error_code", "status_code", "errorCode", "status", "http_code")
_TYPES = ("type", "error_type", "status")
_MESSAGES = ("message", "msg", "error_msg", "status_msg", "errorMessage", "detail", "error")
_CALM_CODES = frozenset({"", "0", "200", "ok", "success", "none", "null"})


def error_report(
    document: JsonObject,
    *,
    status: int | None,
    is_error_frame: bool = False,
    retry_after_seconds: float | None = None,
    upstream_request_id: str | None = None,
) -> VendorReport | None:
    """The error that a document reports, if it does.

    Args:
        document: a frame, or a whole body.
        status: of the reply or of a `:HTTP_STATUS/429` comment; None inside a 200 stream.
        is_error_frame: the frame is labelled as an error, whatever it says.
        retry_after_seconds: of the header.
        upstream_request_id: of the header.
    """
    words = next(_errors(document), None)
    if words is None:
        is_failing_status = status is not None and status >= 400
        if not (is_error_frame or is_failing_status):
            return None
        words = document
    code = _word(words, _CODES)
    request_id = document.get("request_id")
    return VendorReport(
        status=status if status is not None and status != 200 else _status_in(words),
        code=code,
        type=_word(words, _TYPES),
        message=_word(words, _MESSAGES),
        retry_after_seconds=retry_after_seconds,
        upstream_request_id=upstream_request_id or (well_formed(request_id) if isinstance(request_id, str) else None),
    )


def refusal(
    raw: bytes, *, status: int, retry_after_seconds: float | None, request_id: str | None, model: str
) -> AttemptFailed:
    """The failure for a reply whose status is not 200; its body may be anything."""
    try:
        parsed = read_json(raw.decode("utf-8-sig", "replace"))
    except ValueError:
        parsed = {}
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]  # Gemini wraps its error in a list
    report = error_report(
        parsed if isinstance(parsed, dict) else {},
        status=status,
        is_error_frame=True,
        retry_after_seconds=retry_after_seconds,
        upstream_request_id=request_id,
    )
    if status < 400 or report is None:
        return protocol_error(f"status {status}", model=model)
    return vendor_failure(report, model=model)


def _errors(document: JsonObject) -> Iterator[JsonObject]:
    """Each place in which an error may stand, as an object of words."""
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (document, first if isinstance(first, dict) else {}):
        error = holder.get("error")
        if isinstance(error, dict) and error:
            yield error
        elif isinstance(error, str) and error:
            yield {**document, "message": error} if holder is document else {"message": error}
    errors = document.get("errors")
    if isinstance(errors, list) and errors:  # Cloudflare
        yield errors[0] if isinstance(errors[0], dict) else {"message": str(errors[0])}
    base = document.get("base_resp")
    if isinstance(base, dict) and _is_code(base.get("status_code")):  # MiniMax; 0 stands in every good frame
        yield base
    if choices:
        return
    is_named = document.get("object") == "error" or document.get("type") == "error"
    has_code = any(_is_code(document.get(name)) for name in ("code", "error_code", "errorCode"))
    if is_named or has_code or "detail" in document or document.get("success") is False:
        yield document


def _is_code(value: JsonValue) -> bool:
    """True when a code means trouble: success is told by one as well."""
    if isinstance(value, bool) or value is None:
        return False
    return str(value).strip().lower() not in _CALM_CODES


def _word(words: JsonObject, names: tuple[str, ...]) -> str:
    """The first of these that is there, as text fit to be stored."""
    for name in names:
        value = words.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:_MAX_WORD_CHARS]
        if isinstance(value, str) and value:
            return well_formed(value[:_MAX_WORD_CHARS]).replace("\x00", "")
    return ""


def _status_in(words: JsonObject) -> int | None:
    """An HTTP status that stands in place of a code, as OpenRouter, vLLM and Gemini write it."""
    for name in _CODES:
        value = words.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str):
            continue
        digits = str(value).strip()
        if len(digits) == 3 and digits.isascii() and digits.isdigit() and "400" <= digits <= "599":
            return int(digits)
    return None
