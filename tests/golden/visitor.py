"""Someone who calls the REST API, and a notebook of what was said and answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from yarl import URL

Json = dict[str, Any]

CONCURRENCY = 8
TIMEOUT = aiohttp.ClientTimeout(total=180)
MAX_LINE_BYTES = 4 * 1024 * 1024
PASSWORD = "correct horse battery staple"
# What differs from one exchange to the next although the product does the same.
UNSTABLE_HEADERS = frozenset(
    {"date", "server", "content-length", "x-request-id", "ratelimit", "transfer-encoding", "connection"}
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came; `body` is JSON, a list of events, or else text."""

    status: int
    headers: dict[str, str]
    body: Any

    def document(self) -> Json:
        """What a case keeps of it."""
        return {"status": self.status, "headers": self.headers, "body": self.body}


@dataclass(slots=True)
class Case:
    """One case: its steps in order, each a request and what came back."""

    id: str
    steps: list[Json] = field(default_factory=list)

    def note(self, title: str, document: Any) -> None:
        """Keep one more step."""
        self.steps.append({"step": title, "answer": document})


@dataclass(frozen=True, slots=True)
class Visitor:
    """One caller of one gateway; `token` is empty for a stranger at the door."""

    session: aiohttp.ClientSession
    url: str
    token: str = ""
    language: str = "en"

    def as_bearer(self, token: str) -> "Visitor":
        """The same place with other credentials."""
        return replace(self, token=token)

    def speaking(self, language: str) -> "Visitor":
        """The same person in another language."""
        return replace(self, language=language)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Heard:
        """One request; the path goes out as it stands, bytes too, anything else as JSON."""
        sent = {"Accept-Language": self.language, "User-Agent": "golden"}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, data=data, headers=sent, allow_redirects=False) as response:
            text = (await response.read()).decode("utf-8", "replace")
            kept = {name.lower(): value for name, value in response.headers.items()}
            kept = {name: kept[name] for name in sorted(kept.keys() - UNSTABLE_HEADERS)}
            return Heard(response.status, kept, _parsed(text, kept.get("content-type", "")))

    async def tell(self, case: Case, method: str, path: str, body: Any = None, **headers: str) -> Heard:
        """One request whose answer the case keeps."""
        heard = await self.ask(method, path, body, **headers)
        case.note(f"{method} {path.partition('cursor=')[0]} {self.language}", heard.document())
        return heard

    async def run(self, case: Case, path: str, body: Json) -> Json:
        """Start a run and keep all of its events; the run at its end."""
        heard = await self.tell(case, "POST", path, body, Accept="text/event-stream")
        if heard.status != 200:
            return {}
        return dict(heard.body[-1].get("run") or {})

    async def registered(self, name: str) -> "Visitor":
        """A new person called so."""
        body = {"email": f"{name}@example.com", "password": PASSWORD, "display_name": name}
        heard = await self.ask("POST", "/api/v1/auth/register", body)
        if heard.status != 201:
            raise AssertionError(f"{name} could not register: {heard}")
        return self.as_bearer(heard.body["access_token"])


def events_of(stream: str) -> list[Json]:
    """The events of a stream; text is coalesced by time, so what comes without a break is joined into one."""
    events: list[Json] = []
    last = 0
    for frame in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if not fields:
            continue
        number = int(fields["id"])
        if number <= last:
            raise AssertionError(f"event {number} came after {last}")
        last = number
        event = {"event": fields["event"]} | json.loads(fields["data"])
        if events and event["event"] == events[-1]["event"] == "delta":
            events[-1]["text"] += event["text"]
        else:
            events.append(event)
    return events


@asynccontextmanager
async def at_door(url: str) -> AsyncIterator[Visitor]:
    """A visitor without credentials, and with a bounded number of connections."""
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(
        connector=connector, timeout=TIMEOUT, read_bufsize=MAX_LINE_BYTES, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Visitor(session, url)


async def all_of(*groups: Any) -> list[Case]:
    """The cases of all groups, worked on at once; the connections bound how much that is."""
    found = await asyncio.gather(*groups)
    return [case for cases in found for case in (cases if isinstance(cases, list) else [cases])]


def _parsed(text: str, content_type: str) -> Any:
    if "event-stream" in content_type:
        return events_of(text)
    return json.loads(text) if text and "json" in content_type else text
