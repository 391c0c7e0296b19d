"""The HTTP server's configuration."""

from typing import Any

import uvicorn

from api_gateway.listener.protocol import EdgeProtocol

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 75


def server_config(app: Any, *, shutdown_seconds: int) -> uvicorn.Config:
    """How `app` is served; connections get `shutdown_seconds` to end when the server stops."""
    return uvicorn.Config(
        app,
        http=EdgeProtocol,
        ws="none",
        loop="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # X-Forwarded-For is believed by our own rule only
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=shutdown_seconds,
        backlog=BACKLOG,
    )
