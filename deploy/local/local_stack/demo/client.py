"""A client of the REST API, as small as the journey needs it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from local_stack.refusal import StartFailure

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60)
MAX_LINE_BYTES = 4 * 1024 * 1024
ATTEMPTS = 3

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: its status, headers and JSON body (empty when there is none)."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: Json


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: Json


class Client:
    """Speaks to one gateway; a context manager."""

    def __init__(self, url: str, *, language: str) -> None:
        self.url = url
        self._session = aiohttp.ClientSession(
            timeout=TIMEOUT,
            headers={"Accept-Language": language},
            read_bufsize=MAX_LINE_BYTES,
        )
        self.access_token = ""

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, method: str, path: str, body: Json | None = None, **headers: str) -> Answer:
        """One request; the answer whatever its status."""
        credentials = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        async with self._session.request(
            method,
            self.url + path,
            json=body,
            headers=credentials | {name.replace("_", "-"): value for name, value in headers.items()},
        ) as response:
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(response.status, response.headers, await response.json() if is_json else {})

    async def expect(self, status: int, method: str, path: str, body: Json | None = None, **headers: str) -> Answer:
        """One request that must succeed.

        Raises:
            StartFailure: another status; in the gateway's own words.
        """
        answer = await self.send(method, path, body, **headers)
        if answer.status != status:
            words = answer.body.get("detail", answer.body)
            raise StartFailure(f"{method} {path} was answered {answer.status}: {words}")
        return answer

    async def events(self, run_id: str) -> AsyncIterator[Event]:
        """The run's events to the end; takes a lost connection up again where it broke."""
        last_id = "0"
        for attempt in range(ATTEMPTS):
            try:
                async for event in self._events_after(run_id, last_id):
                    last_id = event.id
                    yield event
                    if event.name in {"done", "error"}:
                        return
            except aiohttp.ClientError:
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(1)
        raise StartFailure("The events of the run ended before its end.")

    async def _events_after(self, run_id: str, last_id: str) -> AsyncIterator[Event]:
        headers = {"Authorization": f"Bearer {self.access_token}", "Last-Event-ID": last_id}
        async with self._session.get(f"{self.url}/api/v1/runs/{run_id}/events", headers=headers) as response:
            response.raise_for_status()
            fields: dict[str, str] = {}
            async for line in response.content:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name in {"id", "event", "data"}:
                    fields[name] = value
                elif not name and fields:
                    yield Event(fields["id"], fields["event"], _json(fields["data"]))
                    fields = {}


def _json(text: str) -> Json:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise StartFailure("An event held something else than a JSON object.")
    return value
