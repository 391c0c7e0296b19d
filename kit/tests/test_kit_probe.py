import asyncio

import grpc
from grpc_health.v1 import health_pb2
from servicekit.rpc.health import Health
from servicekit.rpc.probe import is_serving


async def test_it_sees_a_server_serve_and_drain() -> None:
    server = grpc.aio.server()
    health = Health(server)
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    await health._servicer.set("", health_pb2.HealthCheckResponse.SERVING)

    assert await asyncio.to_thread(is_serving, target)
    await health.drain()
    assert not await asyncio.to_thread(is_serving, target)
    await server.stop(None)
    assert not await asyncio.to_thread(is_serving, target)
