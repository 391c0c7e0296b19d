"""`python -m vendor_fakes.dashscope --port 0` prints one line of JSON with its address, then serves."""

import argparse
import asyncio
import signal
import sys

import orjson

from vendor_fakes.dashscope.server import running


async def serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(host, port) as fake:
        address = {"base_url": fake.base_url, "control_url": fake.control_url}
        sys.stdout.write(orjson.dumps(address).decode() + "\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="vendor_fakes.dashscope", description="A DashScope to develop against.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
