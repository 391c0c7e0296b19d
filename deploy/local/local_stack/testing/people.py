"""People who use a stack."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from local_stack.demo.client import MAX_LINE_BYTES, TIMEOUT, Answer, Client, Json

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist in tests only


@dataclass(frozen=True, slots=True)
class Person:
    """A registered person, and a client that acts as them."""

    client: Client
    tokens: Json
    email: str

    @property
    def workspace_id(self) -> str:
        """Their personal workspace."""
        return str(self.tokens["workspace"]["id"])

    async def prompt(self, content: str = "你好 {{ name }}", *, name: str | None = None) -> Json:
        """A new prompt with one version."""
        body = {"name": name or f"p{secrets.token_hex(6)}", "content": content}
        return (await self.client.expect(201, "POST", "/api/v1/prompts", body)).body

    async def api_key(self, *scopes: str) -> str:
        """A new key's secret."""
        body = {"name": "test", "scopes": list(scopes)}
        return str((await self.client.expect(201, "POST", "/api/v1/api-keys", body)).body["key"])

    async def frames(self, run_id: str, *, after: str = "") -> AsyncGenerator[str]:
        """The raw frames of a run's event stream as they come, comments left out."""
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        if after:
            headers["Last-Event-ID"] = after
        url = f"{self.client.url}/api/v1/runs/{run_id}/events"
        session = aiohttp.ClientSession(read_bufsize=MAX_LINE_BYTES)
        async with session, session.get(url, headers=headers) as response:
            if response.status == 204:
                return
            response.raise_for_status()
            frame = ""
            async for line in response.content:
                frame += line.decode()
                if frame.endswith("\n\n"):
                    if not frame.startswith(":"):
                        yield frame
                    frame = ""

    async def replay(self, run_id: str, *, after: str = "") -> list[str]:
        """The frames of a run to its end, from the beginning or after an event's id."""
        return [frame async for frame in self.frames(run_id, after=after)]


def event_id(frame: str) -> str:
    """The id of the event in a frame."""
    return frame.partition("\n")[0].removeprefix("id: ")


async def register(url: str, *, name: str = "测试员") -> Person:
    """A new person; close their client afterwards."""
    client = Client(url, language="en")
    email = f"{secrets.token_hex(8)}@example.com"
    body = {"email": email, "password": PASSWORD, "display_name": name}
    answer = await client.expect(201, "POST", "/api/v1/auth/register", body)
    client.access_token = answer.body["access_token"]
    return Person(client, answer.body, email)


async def ask(
    url: str,
    method: str,
    path: str,
    *,
    token: str = "",
    data: bytes | AsyncIterable[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request exactly as given: the path is not encoded again, the body may be anything."""
    sent = {"Content-Type": "application/json"} if data is not None else {}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as session,
        session.request(
            method, URL(url + path, encoded=True), data=data, headers=sent | (headers or {}), allow_redirects=False
        ) as response,
    ):
        content = await response.read()
        body: Any = orjson.loads(content) if "json" in response.headers.get("Content-Type", "") else {}
        return Answer(response.status, response.headers, body)
