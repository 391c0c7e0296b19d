import asyncio
import sys

import aiohttp
import orjson


async def test_the_command_prints_its_address_and_stops_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vendor_fakes.dashscope", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    address = orjson.loads(await process.stdout.readline())

    async with aiohttp.ClientSession(headers={"authorization": "Bearer sk-x"}) as session:
        response = await session.get(f"{address['base_url']}/models")
        listed = await response.json()
    process.terminate()

    assert listed["object"] == "list"
    assert await process.wait() == 0
