"""The HTTP server: the vendor's two routes, and a control API of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web

from vendor_fakes.dashscope.answers.recorded import Recorded, Recordings
from vendor_fakes.dashscope.completion import Completion, complete
from vendor_fakes.dashscope.delivery import client_port, content_type, hang, reset, send, send_raw
from vendor_fakes.dashscope.errors import VENDOR_ERRORS, Refused, VendorError
from vendor_fakes.dashscope.faults import Fault, FaultKind, FaultPlan
from vendor_fakes.dashscope.frames import steps_of
from vendor_fakes.dashscope.journal import Journal, RequestRecord
from vendor_fakes.dashscope.json_types import JsonObject, JsonValue
from vendor_fakes.dashscope.models import MODELS
from vendor_fakes.dashscope.rules import check
from vendor_fakes.dashscope.tokens import text_of

BASE_PATH: Final = "/compatible-mode/v1"
_MAX_BODY_BYTES: Final = 32 * 1024 * 1024


class FakeDashScope:
    """One fake account: its models, scripted faults and request log.

    Args:
        api_keys: the keys that are let in; None lets in every key that starts with `sk-`.
    """

    def __init__(self, api_keys: frozenset[str] | None = None) -> None:
        self.plan = FaultPlan()
        self.journal = Journal()
        self.recordings = Recordings()
        self._api_keys = api_keys
        self._seen_prefixes: set[str] = set()
        self._count = 0
        self._runner: web.AppRunner | None = None
        self._origin = ""

    @property
    def base_url(self) -> str:
        """What goes into `DASHSCOPE_BASE_URL`."""
        return f"{self._origin}{BASE_PATH}"

    @property
    def control_url(self) -> str:
        """The prefix of the control API."""
        return f"{self._origin}/_control"

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request since the last reset, oldest first."""
        return self.journal.records

    def script(self, *faults: Fault) -> None:
        """Let these faults strike the next requests, in order."""
        self.plan.queue.extend(faults)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post(f"{BASE_PATH}/chat/completions", self._chat)
        app.router.add_get(f"{BASE_PATH}/models", self._models)
        app.router.add_post("/_control/faults", self._add_faults)
        app.router.add_post("/_control/recordings", self._add_recording)
        app.router.add_get("/_control/requests", self._list_requests)
        app.router.add_post("/_control/reset", self._reset)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        self._origin = f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        request_id = self._next_request_id()
        body = _json_object(await request.read())
        record = self._record(request, request_id, body)
        fault = self.plan.take(record.model)
        record.fault = fault.kind.value
        try:
            return await self._answer(request, body, fault, record)
        except Refused as refused:
            return _refusal(record, refused.error, fault)
        except (asyncio.CancelledError, ConnectionResetError):
            record.has_client_left = True
            raise
        finally:
            record.has_ended = True

    async def _answer(
        self, request: web.Request, body: JsonObject | None, fault: Fault, record: RequestRecord
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.RESET_BEFORE_HEADERS:
            reset(request)
            return web.Response()
        if fault.kind is FaultKind.HANG_BEFORE_HEADERS:
            await hang()
        if fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        self._authenticate(request)
        if fault.kind is FaultKind.ERROR:
            raise Refused(VENDOR_ERRORS[fault.error or "internal_error"])
        if body is None:
            raise Refused(VendorError(400, "invalid_parameter_error", "The request body is not valid JSON."))
        model = check(body)
        if fault.kind is FaultKind.RAW:
            return await send_raw(request, fault, record)
        completion = complete(
            body,
            model,
            content=self.recordings.answer(body) if fault.content is None else fault.content,
            finish_reason=fault.finish_reason,
            is_cached=self._is_cached(body),
        )
        return await self._deliver(request, completion, fault, record)

    async def _deliver(
        self, request: web.Request, completion: Completion, fault: Fault, record: RequestRecord
    ) -> web.StreamResponse:
        steps = steps_of(completion, fault, record)
        response = web.StreamResponse(headers={"x-request-id": record.request_id, "cache-control": "no-cache"})
        response.content_type = content_type(fault, is_stream=record.is_stream)
        response.enable_chunked_encoding()
        record.status = 200
        record.prompt_tokens = completion.prompt_tokens
        await response.prepare(request)
        await send(request, response, steps, fault, record)
        if request.transport is not None and not request.transport.is_closing():
            await response.write_eof()
        return response

    async def _models(self, request: web.Request) -> web.Response:
        try:
            self._authenticate(request)
        except Refused as refused:
            return _json(refused.error.body(self._next_request_id()), status=refused.error.status)
        listed: list[JsonValue] = [
            {"id": name, "object": "model", "created": 1_793_000_000, "owned_by": "system"} for name in MODELS
        ]
        return _json({"object": "list", "data": listed})

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            self.plan.script(_json_object(await request.read()) or {})
        except (ValueError, TypeError) as error:
            return _json({"error": str(error)}, status=400)
        return _json({"queued": len(self.plan.queue)})

    async def _add_recording(self, request: web.Request) -> web.Response:
        try:
            self.recordings.remember(Recorded.from_json(_json_object(await request.read())))
        except (ValueError, TypeError) as error:
            return _json({"error": str(error)}, status=400)
        return _json({})

    async def _list_requests(self, _request: web.Request) -> web.Response:
        prompt_tokens, completion_tokens = self.journal.billed_tokens
        billed: JsonObject = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
        return _json({"items": [record.as_json() for record in self.requests], "billed": billed})

    async def _reset(self, _request: web.Request) -> web.Response:
        self.plan.clear()
        self.recordings.by_description.clear()
        self.requests.clear()
        self._seen_prefixes.clear()
        return _json({})

    def _authenticate(self, request: web.Request) -> None:
        key = _key(request)
        is_known = key.startswith("sk-") if self._api_keys is None else key in self._api_keys
        if not is_known:
            raise Refused(VENDOR_ERRORS["invalid_api_key"])

    def _record(self, request: web.Request, request_id: str, body: JsonObject | None) -> RequestRecord:
        known = body or {}
        record = RequestRecord(
            request_id=request_id,
            model=str(known.get("model", "")),
            is_stream=known.get("stream") is True,
            fault="none",
            body=known,
            key_tail=_key(request)[-4:],
            client_port=client_port(request),
        )
        self.requests.append(record)
        return record

    def _is_cached(self, body: JsonObject) -> bool:
        messages = body.get("messages")
        first = text_of(messages[0]) if isinstance(messages, list) and messages else ""
        prefix = f"{body.get('model')}:{first}"
        is_cached = prefix in self._seen_prefixes
        self._seen_prefixes.add(prefix)
        return is_cached

    def _next_request_id(self) -> str:
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012d}"


@asynccontextmanager
async def running(
    host: str = "127.0.0.1", port: int = 0, *, api_keys: frozenset[str] | None = None
) -> AsyncIterator[FakeDashScope]:
    """A fake that listens while the context is open."""
    fake = FakeDashScope(api_keys)
    await fake.start(host, port)
    try:
        yield fake
    finally:
        await fake.stop()


def _refusal(record: RequestRecord, error: VendorError, fault: Fault) -> web.Response:
    record.status = error.status
    record.error_code = error.code
    response = _json(error.body(record.request_id), status=error.status)
    response.headers["x-request-id"] = record.request_id
    if fault.retry_after_seconds is not None:
        response.headers["retry-after"] = f"{fault.retry_after_seconds:g}"
    return response


def _json(body: JsonObject, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _json_object(raw: bytes) -> JsonObject | None:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _key(request: web.Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()
