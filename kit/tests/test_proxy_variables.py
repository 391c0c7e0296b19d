"""What the environment says about proxies is for the way out; between our processes it counts for nothing."""

import asyncio
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from servicekit.db import Database
from servicekit.migrations.engine import open_migration_engine
from servicekit.redis.client import GuardedRedis
from servicekit.rpc.client import Channel
from servicekit.rpc.probe import is_serving
from servicekit.testing.black_hole import BlackHole, black_hole
from servicekit.testing.mariadb import MariadbServer
from sqlalchemy import text


@pytest.fixture
def hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlackHole]:
    """All proxy variables lead to it."""
    with black_hole() as hole:
        for name, value in hole.variables.items():
            monkeypatch.setenv(name, value)
        yield hole


@pytest.mark.parametrize("target", ["127.0.0.1:{}", "dns:///localhost:{}", "ipv4:127.0.0.1:{}", "localhost:{}"])
async def test_grpc_goes_straight(hole: BlackHole, target: str) -> None:
    server = grpc.aio.server()
    servicer = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    where = target.format(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    channel = Channel(where)

    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert await asyncio.to_thread(is_serving, where)
    assert hole.visitors == []
    await channel.close()
    await server.stop(grace=None)


async def test_redis_goes_straight(hole: BlackHole, redis_url: str) -> None:
    redis = GuardedRedis(redis_url)

    assert await redis.run(lambda client: client.ping())
    assert hole.visitors == []
    await redis.close()


async def test_mysql_goes_straight(hole: BlackHole, mariadb_server: MariadbServer) -> None:
    database = Database(mariadb_server.url("mysql"))
    engine = open_migration_engine(mariadb_server.url("mysql"))

    await database.ping()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1

    assert hole.visitors == []
    await database.close()


async def test_a_plain_grpc_channel_falls_into_it(hole: BlackHole) -> None:
    """Else the tests above would show nothing."""
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)

    assert hole.visitors != []
