"""The HTTP answer that carries a run's events."""

import asyncio
from typing import Final

from servicekit.log import get_logger
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api_gateway.streaming.relay import OpenStream
from api_gateway.streaming.sse import HEADERS, MEDIA_TYPE, EndData

STALL_SECONDS: Final = 20.0

_log = get_logger()


class EventStream(StreamingResponse):
    """The answer that carries a run's events; however it ends, its tasks and its call to the backend end with it."""

    def __init__(self, stream: OpenStream, end_data: EndData, headers: dict[str, str]) -> None:
        self._stream = stream
        self._frames = stream.frames(end_data)
        super().__init__(self._frames, media_type=MEDIA_TYPE, headers=HEADERS | headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the frames; a client that takes none for twenty seconds is dropped."""

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(STALL_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_soon)
        except TimeoutError:
            _log.info("stalled reader was dropped", run_id=self._stream.run_id)
        finally:
            await self._frames.aclose()
            await self._stream.close()
