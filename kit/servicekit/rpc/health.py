"""gRPC health: SERVING once the database answers and the keys are loaded, NOT_SERVING while draining."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from servicekit.errors import SphereError
from servicekit.log import get_logger

CHECK_SECONDS = 1.0
FIRST_CHECK_SECONDS = 0.02

_log = get_logger()


class Health:
    """The standard health service of one server, kept in step with `is_ready`."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._servicer = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def withhold(self) -> None:
        """Answer NOT_SERVING until `follow` knows better; before the port opens, or the first answer is a guess."""
        await self._servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)

    async def follow(self, is_ready: Callable[[], Awaitable[bool]]) -> None:
        """Ask `is_ready` every second, and every 20 ms until it is ready for the first time; never returns."""
        was_ready = False
        pause_seconds = FIRST_CHECK_SECONDS
        while True:
            try:
                ready = await is_ready()
            except SphereError:
                ready = False
            if ready != was_ready:
                status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
                await self._servicer.set("", status)
                _log.info("became ready" if ready else "became unready")
            was_ready = ready
            if ready:
                pause_seconds = CHECK_SECONDS  # from now on also while it is away: it has trouble enough
            await asyncio.sleep(pause_seconds)

    async def drain(self) -> None:
        """Answer NOT_SERVING from now on, whatever `follow` finds."""
        await self._servicer.enter_graceful_shutdown()


def reflect(server: grpc.aio.Server, services: list[str]) -> None:
    """Let tools such as grpcurl list and describe what is served."""
    from grpc_reflection.v1alpha import reflection  # a tool's, which not every server is for

    names = [*services, reflection.SERVICE_NAME, health.SERVICE_NAME]
    reflection.enable_server_reflection(names, server, pool=descriptor_pool.Default())
