"""Sending a reply step by step, and writing down what really went out."""

import asyncio
import socket
import struct
from collections.abc import Sequence

from aiohttp import web

from vendor_fakes.dashscope.faults import Fault, FaultKind
from vendor_fakes.dashscope.frames import Action, Piece, Step
from vendor_fakes.dashscope.journal import RequestRecord

_LINGER_RESET = struct.pack("ii", 1, 0)


def content_type(fault: Fault, *, is_stream: bool) -> str:
    """The label of a body, which is wrong on demand."""
    if fault.kind is FaultKind.HTML:
        return "text/html"
    if fault.kind is FaultKind.JSON_LABELLED_SSE:
        return "text/event-stream"
    if fault.kind is FaultKind.SSE_LABELLED_JSON:
        return "application/json"
    return "text/event-stream" if is_stream else "application/json"


async def hang() -> None:
    """Wait until the client leaves or the server stops."""
    await asyncio.Event().wait()


def client_port(request: web.Request) -> int:
    """The port at the other end, by which a connection is known again; 0 when it is gone."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    return int(peer[1]) if isinstance(peer, tuple) else 0


def reset(request: web.Request) -> None:
    """Break the connection with RST instead of FIN."""
    if request.transport is None:
        return
    sock = request.transport.get_extra_info("socket")
    if isinstance(sock, socket.socket) or hasattr(sock, "setsockopt"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.abort()


async def send(
    request: web.Request,
    response: web.StreamResponse,
    steps: Sequence[Step],
    fault: Fault,
    record: RequestRecord,
) -> None:
    """Send the steps; the record grows with each. Raises ConnectionResetError when nobody reads."""
    sent_bytes = 0
    for step in steps:
        if isinstance(step, Action):
            if step is Action.WARM_HANG:
                await _keep_warm(response, fault.seconds)
            await _act(request, step)
            return
        if fault.at_byte is not None and sent_bytes + len(step.data) > fault.at_byte:
            await response.write(step.data[: fault.at_byte - sent_bytes])
            record.completion_tokens += step.tokens
            await _act(request, Action.END if fault.kind is FaultKind.CLEAN_END else Action.CUT)
            return
        await _send_piece(response, step, fault, record)
        sent_bytes += len(step.data)
    record.is_finished = True


async def send_raw(request: web.Request, fault: Fault, record: RequestRecord) -> web.StreamResponse:
    """Send the scripted bytes as they are. Raises ConnectionResetError when nobody reads."""
    response = web.StreamResponse(status=fault.status, headers={"content-type": "text/event-stream", **fault.headers})
    response.enable_chunked_encoding()
    record.status = fault.status
    await response.prepare(request)
    raw = fault.raw if isinstance(fault.raw, bytes) else b""
    size = fault.chunk_bytes or max(len(raw), 1)
    for at in range(0, len(raw), size):
        await response.write(raw[at : at + size])
        record.chunks_sent += 1
        await asyncio.sleep(fault.seconds)
    if fault.action is not None:
        await _act(request, Action[fault.action.upper()])
        return response
    record.is_finished = True
    await response.write_eof()
    return response


async def _send_piece(response: web.StreamResponse, piece: Piece, fault: Fault, record: RequestRecord) -> None:
    if fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.seconds)
    await response.write(piece.data)
    record.chunks_sent += 1
    record.completion_tokens += piece.tokens
    record.is_usage_sent = record.is_usage_sent or piece.is_usage


async def _keep_warm(response: web.StreamResponse, seconds: float) -> None:
    """Send comments until the client leaves: the line is alive, the answer isn't."""
    while True:
        await response.write(b": keep-alive\n\n")
        await asyncio.sleep(seconds)


async def _act(request: web.Request, action: Action) -> None:
    """Do what ends a body before its time."""
    if action is Action.HANG:
        await hang()
    if action is Action.RESET:
        reset(request)
    if action is Action.CUT and request.transport is not None:
        request.transport.close()
