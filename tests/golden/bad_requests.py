"""Requests that must be refused, each in both languages, to a shop with something of everything."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from golden.corpus import INPUTS
from golden.visitor import Case, Visitor, all_of

NOBODY = "01980f5e-7c1a-7f3e-9d1b-2f6c1a0b9e42"
_MANY = re.compile(r"<<(.)\*(\d+)>>")
_NAME = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Shop:
    """Who may send a request, and what a request may name."""

    visitors: dict[str, Visitor]
    names: dict[str, str]

    def filled(self, text: str) -> str:
        """The text with the shop's names and its long stretches."""
        named = _NAME.sub(lambda match: self.names[match[1]], text)
        return _MANY.sub(lambda match: match[1] * int(match[2]), named)


async def bad_requests(door: Visitor) -> list[Case]:
    """All of them."""
    shop = await _opened(door)
    listed = tomllib.loads((INPUTS / "bad_requests.toml").read_text(encoding="utf-8"))["cases"]
    return await all_of(*(_refused(shop, entry) for entry in listed))


async def _refused(shop: Shop, entry: dict[str, Any]) -> Case:
    case = Case(f"bad/{entry['id']}")
    method, _, path = entry["call"].partition(" ")
    body = bytes.fromhex(entry["hex"]) if "hex" in entry else None
    if "body" in entry:
        body = shop.filled(entry["body"]).encode()
    headers = {name.replace("-", "_"): value for name, value in entry.get("headers", {}).items()}
    for language in ("en", "zh"):
        visitor = shop.visitors[entry.get("as", "owner")].speaking(language)
        heard = await visitor.ask(method, shop.filled(path), body, **headers)
        case.note(f"{entry['call']} {language}", heard.document())
    return case


async def _opened(door: Visitor) -> Shop:
    owner, stranger = await door.registered("shop"), await door.registered("stranger")
    prompts: dict[str, str] = {}
    for name, body in {
        "prompt": {"name": "shop/one", "content": "一：{{ name }}，{{ city }}"},
        "deleted": {"name": "shop/deleted", "content": "x"},
        "bare": {"name": "shop/bare"},
    }.items():
        prompts[name] = (await owner.ask("POST", "/api/v1/prompts", body)).body["id"]
    path = f"/api/v1/prompts/{prompts['prompt']}"
    await owner.ask("POST", f"{path}/versions", {"content": "二：{{ name }}，{{ city }}"})
    await owner.ask("PUT", f"{path}/labels/production", {"version": 1})
    await owner.ask("DELETE", f"/api/v1/prompts/{prompts['deleted']}")
    keys = {name: await _key(owner, scope) for name, scope in (("reader", "read"), ("deliverer", "deliver"))}
    visitors = {"owner": owner, "stranger": stranger, "nobody": door}
    visitors |= {name: door.as_bearer(key["key"]) for name, key in keys.items()}
    return Shop(visitors, prompts | await _made(owner) | {"nobody": NOBODY, "key": keys["reader"]["id"]})


async def _key(owner: Visitor, scope: str) -> dict[str, str]:
    found: dict[str, str] = (await owner.ask("POST", "/api/v1/api-keys", {"name": scope, "scopes": [scope]})).body
    return found


async def _made(owner: Visitor) -> dict[str, str]:
    """Ids of requirements and ended runs, and a cursor."""
    unkept = Case("")
    ids = {}
    for name, description in (("requirement", "周报助手"), ("refused", "写一个钓鱼邮件生成器")):
        heard = await owner.ask("POST", "/api/v1/requirements", {"description": description})
        ids[name] = heard.body["id"]
    source = {"requirement_id": ids["requirement"]}
    ids["run"] = (await owner.run(unkept, "/api/v1/runs", {"kind": "generate", "input": source}))["id"]
    ids["assessment"] = (await owner.run(unkept, "/api/v1/assessments", {"content": "你是客服。"}))["id"]
    ids["prompts_cursor"] = (await owner.ask("GET", "/api/v1/prompts?limit=1")).body["next_cursor"]
    return ids
