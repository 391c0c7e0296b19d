"""`python -m servicekit.rpc.probe HOST:PORT`: exit code 0 when the server there says SERVING; for containers."""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.rpc.client import OPTIONS

_LIMIT_SECONDS = 2.0


def is_serving(target: str) -> bool:
    """True when the standard health service at `target` answers SERVING within two seconds."""
    with grpc.insecure_channel(target, options=OPTIONS) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_LIMIT_SECONDS)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    sys.exit(0 if is_serving(sys.argv[1]) else 1)
