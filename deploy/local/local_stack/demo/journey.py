"""The walk itself: from a sentence to a prompt that an application fetches by name."""

import json
import os
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local_stack.demo.client import Client, Json
from local_stack.demo.screen import Screen
from local_stack.demo.words import Words, words_for
from local_stack.refusal import StartFailure

DEFAULT_SENTENCE = "客服智能体，需要专业、耐心、能解决常见问题"
PROMPT_NAME = "demo/agent"
LAYOUTS = ("markdown", "xml", "co-star", "langgpt")
KEY_LIFETIME = timedelta(days=30)
TITLE_CHARS = 60


async def walk(url: str, data_dir: Path, sentence: str, *, stays: bool) -> None:
    """Walk the journey against the stack at `url`; a second walk adds a version to the same prompt.

    Args:
        url: of the gateway.
        data_dir: where the demo keeps its own account.
        sentence: what the user wants.
        stays: the stack goes on running afterwards.

    Raises:
        StartFailure: a step was refused; in the gateway's own words.
    """
    language = "zh" if any("CJK" in unicodedata.name(character, "") for character in sentence) else "en"
    words = words_for(language)
    screen = Screen(words)
    async with Client(url, language=language) as client:
        await _sign_in(client, data_dir)
        requirement = (await client.expect(200, "POST", "/api/v1/requirements", {"description": sentence})).body
        screen.sentence(sentence, engine=requirement["engine"])
        screen.requirements(requirement["requirements"])
        screen.form(requirement["form"])
        prompt = await _prompt(client)
        run = await _write(client, screen, requirement, versions=prompt["head_version"] or 0 if prompt else 0)
        await _assess(client, screen, run["result"]["content"])
        prompt_id, number = await _save(client, screen, words, prompt, run, sentence)
        label = {"version": number, "reason": "demo"}
        await client.expect(200, "PUT", f"/api/v1/prompts/{prompt_id}/labels/production", label)
        screen.step(7, words.labelled.format(number=number))
        await _fetch(client, screen, words)
    screen.note("\n" + (words.still_running.format(url=url) if stays else words.keep_running))


async def _sign_in(client: Client, data_dir: Path) -> None:
    """Sign in to the demo's own account, made at the first walk."""
    file = data_dir / "demo.json"
    if file.exists():
        known = json.loads(file.read_text(encoding="utf-8"))
        answer = await client.send("POST", "/api/v1/auth/login", known)
        if answer.status == 200:
            client.access_token = answer.body["access_token"]
            return
    account = {"email": f"demo-{secrets.token_hex(4)}@example.com", "password": secrets.token_urlsafe(18)}
    body = account | {"display_name": "Demo 演示"}
    answer = await client.expect(201, "POST", "/api/v1/auth/register", body)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        json.dump(account, opened)
    client.access_token = answer.body["access_token"]


async def _prompt(client: Client) -> Json | None:
    """The demo's prompt, once there is one."""
    page = (await client.expect(200, "GET", "/api/v1/prompts?folder=demo&limit=100")).body
    found: Json | None = next((one for one in page["items"] if one["name"] == PROMPT_NAME), None)
    return found


async def _write(client: Client, screen: Screen, requirement: Json, *, versions: int) -> Json:
    """Let a prompt be written and show it as it comes; each walk takes the next layout."""
    layout = LAYOUTS[versions % len(LAYOUTS)]
    body = {
        "kind": "generate",
        "input": {"requirement_id": requirement["id"], "answers": requirement["form"]["prefill"], "layout": layout},
    }
    run = (await client.expect(202, "POST", "/api/v1/runs", body)).body
    screen.writing_begins(layout)
    async for event in client.events(run["id"]):
        if event.name == "delta":
            screen.delta(event.data["text"])
        elif event.name == "done":
            screen.writing_ends()
            return _finished(event.data["run"])
        elif event.name == "error":
            raise StartFailure(f"The prompt could not be written: {event.data['problem']['detail']}")
    raise StartFailure("The run has no end.")


async def _assess(client: Client, screen: Screen, content: str) -> None:
    run = (await client.expect(202, "POST", "/api/v1/assessments", {"content": content})).body
    async for event in client.events(run["id"]):
        if event.name == "done":
            screen.assessment(_finished(event.data["run"])["result"])
        elif event.name == "error":
            raise StartFailure(f"The prompt could not be assessed: {event.data['problem']['detail']}")


def _finished(run: Json) -> Json:
    if run["state"] != "succeeded":
        raise StartFailure(f"The run ended as {run['state']}.")
    return run


async def _save(
    client: Client,
    screen: Screen,
    words: Words,
    prompt: Json | None,
    run: Json,
    sentence: str,
) -> tuple[str, int]:
    """Keep the result; the prompt's id and the version's number."""
    commit = {"from_run": run["id"], "commit_message": sentence[:200]}
    if prompt is None:
        body = {"name": PROMPT_NAME, "title": sentence[:TITLE_CHARS], "tags": ["demo"]} | commit
        made = (await client.expect(201, "POST", "/api/v1/prompts", body)).body
        screen.step(6, words.saved.format(name=PROMPT_NAME, number=made["head_version"]))
        return made["id"], made["head_version"]
    path = f"/api/v1/prompts/{prompt['id']}/versions"
    answer = await client.send("POST", path, commit)
    if answer.status not in {200, 201}:
        raise StartFailure(f"POST {path} was answered {answer.status}: {answer.body.get('detail')}")
    said = words.unchanged if answer.body["deduplicated"] else words.saved
    screen.step(6, said.format(name=PROMPT_NAME, number=answer.body["number"]))
    return prompt["id"], answer.body["number"]


async def _fetch(client: Client, screen: Screen, words: Words) -> None:
    """Fetch the prompt as an application does: with a key that may do nothing else."""
    expires = (datetime.now(UTC) + KEY_LIFETIME).isoformat()
    body = {"name": "demo application", "scopes": ["deliver"], "expires_at": expires}
    key = (await client.expect(201, "POST", "/api/v1/api-keys", body)).body["key"]
    path = f"/api/v1/delivery/{PROMPT_NAME}?label=production"
    async with Client(client.url, language="en") as application:
        application.access_token = key
        answer = await application.expect(200, "GET", path)
    screen.step(8, words.fetched)
    command = f"curl -H 'Authorization: Bearer {key}' '{client.url}{path}'"
    screen.curl(command, answer.status, answer.headers.get("ETag", ""), answer.body["content"])
