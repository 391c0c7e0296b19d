"""`python -m api_gateway`: serve HTTP until SIGTERM, then leave in order."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError
from servicekit import log
from servicekit.settings import keep_private
from servicekit.telemetry import serve_metrics

from api_gateway.app import create_app
from api_gateway.listener.server import server_config
from api_gateway.settings import GatewaySettings

_log = log.get_logger()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: its lifespan shutdown only runs once all connections are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to us."""
        yield


def main() -> int:
    """Serve; the exit code."""
    keep_private()
    try:
        settings = GatewaySettings()
        settings.service_credential()
    except (ValidationError, ValueError, OSError) as problem:
        sys.stderr.write(f"The gateway cannot start: {problem}\n")
        return 1
    log.configure("gateway", level=settings.log_level, for_people=settings.debug)
    serve_metrics(settings.metrics_port)
    return uvloop.run(_serve(settings))


async def _serve(settings: GatewaySettings) -> int:
    app = create_app(settings)
    config = server_config(app, shutdown_seconds=int(settings.drain_seconds) + 5)
    server = _Server(config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        listener = _listen(settings)
    except OSError as problem:
        _log.error("could not listen", host=settings.host, port=settings.port, problem=str(problem))
        return 2
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    await _drain(app, server, settings)
    stopping.cancel()
    await serving
    return 0 if server.started else 1


async def _drain(app: FastAPI, server: uvicorn.Server, settings: GatewaySettings) -> None:
    """Unready, a moment for load balancers, then no new connections; streams get their time and a last word."""
    if not server.started:
        return
    _log.info("draining")
    app.state.readiness.is_draining = True
    await asyncio.sleep(settings.unready_seconds)
    server.should_exit = True
    asyncio.get_running_loop().call_later(settings.drain_seconds, app.state.draining.set)


def _listen(settings: GatewaySettings) -> socket.socket:
    """A listening socket that other workers may share."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((settings.host, settings.port))
    return listener


if __name__ == "__main__":
    sys.exit(main())
