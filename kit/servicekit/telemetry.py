"""Prometheus metrics that every process has, and the port they are read from."""

from prometheus_client import Gauge, Histogram, start_http_server

from servicekit.log import get_logger

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

RPC_SECONDS = Histogram(
    "promptsphere_rpc_seconds",
    "Unary RPCs served, by method and reason (`ok` or the error's).",
    ("method", "reason"),
    buckets=BUCKETS,
)
RPCS_IN_FLIGHT = Gauge("promptsphere_rpcs_in_flight", "RPCs being served, streams included.", ("method",))

_log = get_logger()


def serve_metrics(port: int | None, *, address: str = "127.0.0.1") -> int | None:
    """Serve the metrics and return the port, or None when `port` is None; 0 takes any free port."""
    if port is None:
        return None
    server, _thread = start_http_server(port, addr=address)
    bound = int(server.server_port)
    _log.info("metrics served", port=bound)
    return bound
