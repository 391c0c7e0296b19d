"""What happens to a prompt: made, changed, rendered, labelled, delivered, deleted; each flow by a person of its own."""

from collections.abc import Awaitable, Callable
from typing import Any

from golden.visitor import Case, Visitor, all_of

VARIABLES = [
    {"name": "name", "max_chars": 10, "title": "称呼", "example": "小明"},
    {"name": "count", "type": "number", "required": False, "default": 3},
    {"name": "formal", "type": "boolean", "required": False, "default": True},
    {"name": "tone", "type": "enum", "options": ["warm", "dry"], "description": "how to say it"},
    {"name": "data", "type": "json", "required": False},
]
CONTENT = (
    "你好 {{ name }}：{{count}} 条，{{ formal }}，{{tone}}\r\n{{ data }} \\{{ escaped }} {{> shared/tone@production}}"
)
VALUES: tuple[dict[str, Any], ...] = (
    {"name": "小明", "tone": "warm"},
    {"name": "{{ tone }}", "tone": "dry", "count": 2.50, "formal": False, "data": {"b": [1, "二"], "a": None}},
    {"name": "小明", "tone": "warm", "unused": 1, "count": 10000000000000000000000},
    {},
    {"name": "x" * 11, "tone": "loud", "count": "3", "formal": 1},
    {"name": None, "tone": "warm"},
)
MESSAGES = [
    {"role": "system", "content": "You are {{ role }}."},
    {"role": "user", "content": "{{ question }}"},
    {"role": "assistant", "content": "Ok."},
]


async def prompt_flows(door: Visitor) -> list[Case]:
    """All flows."""
    return await all_of(*(_flow(door, name, act) for name, act in FLOWS.items()))


async def made(visitor: Visitor, case: Case, body: dict[str, Any]) -> str:
    """The path of a new prompt."""
    heard = await visitor.tell(case, "POST", "/api/v1/prompts", body)
    return f"/api/v1/prompts/{heard.body.get('id')}"


async def _flow(door: Visitor, name: str, act: Callable[[Visitor, Case], Awaitable[None]]) -> Case:
    case = Case(f"flow/prompts/{name}")
    await act(await door.registered(f"flow-{name}"), case)
    return case


async def _life(visitor: Visitor, case: Case) -> None:
    body = {"name": "support/faq", "title": "客服智能体😀", "tags": ["客服", "zh"], "content": "你好 {{ name }}"}
    path = await made(visitor, case, body)
    heard = await visitor.tell(case, "GET", path)
    etag = heard.headers["etag"]
    await visitor.tell(case, "PATCH", path, {"title": "新", "tags": ["b", "a"]}, If_Match=etag)
    await visitor.tell(case, "PATCH", path, {"title": "旧"}, If_Match=etag)
    await visitor.tell(case, "PATCH", path, {"name": "support/other"}, If_Match="*")
    await visitor.tell(case, "DELETE", path)
    await visitor.tell(case, "GET", path)
    await visitor.tell(case, "POST", f"{path}/versions", {"content": "x"})
    await visitor.tell(case, "PUT", f"{path}/labels/production", {"version": 1})
    await visitor.tell(case, "GET", "/api/v1/prompts?deleted=true")
    await made(visitor, case, {"name": "support/other"})
    await visitor.tell(case, "POST", f"{path}/restore")
    await visitor.tell(case, "POST", f"{path}/restore", {"name": "support/third"})
    await visitor.tell(case, "HEAD", path)
    await visitor.tell(case, "GET", "/api/v1/prompts")


async def _versions(visitor: Visitor, case: Case) -> None:
    path = await made(visitor, case, {"name": "v", "content": "一 {{ a }}", "commit_message": "first"})
    for content in ("二 {{ a }} {{ b }}", "二 {{ a }} {{ b }}", "三"):
        body = {"content": content, "model_settings": {"temperature": 0.3, "n": 1}, "commit_message": "更多"}
        await visitor.tell(case, "POST", f"{path}/versions", body)
    await visitor.tell(case, "POST", f"{path}/versions", {"content": "四", "parent": 1, "variables": VARIABLES})
    await visitor.tell(case, "POST", f"{path}/versions", {"messages": MESSAGES})
    for version in (2, 5):
        await visitor.tell(case, "POST", f"{path}/rollback", {"version": version})
    await visitor.tell(case, "GET", f"{path}/versions/2")
    await visitor.tell(case, "GET", path)
    await pages(visitor, case, f"{path}/versions")


async def pages(visitor: Visitor, case: Case, path: str, *, size: int = 2) -> None:
    """Every page of a list, small ones, and the whole."""
    joint = "&" if "?" in path else "?"
    cursor = ""
    for _ in range(10):
        heard = await visitor.tell(case, "GET", f"{path}{joint}limit={size}&cursor={cursor}")
        cursor = heard.body.get("next_cursor") or ""
        if not cursor:
            break
    await visitor.tell(case, "GET", path)


async def _rendering(visitor: Visitor, case: Case) -> None:
    path = await made(visitor, case, {"name": "r", "content": CONTENT, "variables": VARIABLES})
    for values in VALUES:
        for language in ("en", "zh"):
            await visitor.speaking(language).tell(case, "POST", f"{path}/render", {"variables": values})
    await visitor.tell(case, "POST", f"{path}/versions", {"messages": MESSAGES})
    values = {"role": "a nurse", "question": "头疼？\n{{ role }}"}
    await visitor.tell(case, "PUT", f"{path}/labels/staging", {"version": 2})
    for choice in ({}, {"version": 2}, {"label": "staging"}, {"version": 1}, {"version": 1, "label": "staging"}):
        await visitor.tell(case, "POST", f"{path}/render", choice | {"variables": values})


async def _labels(visitor: Visitor, case: Case) -> None:
    path = await made(visitor, case, {"name": "l", "content": "一"})
    await visitor.tell(case, "POST", f"{path}/versions", {"content": "二"})
    label = f"{path}/labels/production"
    for body in ({"version": 1, "reason": "第一"}, {"version": 1}, {"version": 2, "reason": "passed"}):
        await visitor.tell(case, "PUT", label, body)
    await visitor.tell(case, "PUT", f"{path}/labels/staging.eu-1", {"version": 1})
    await visitor.tell(case, "PUT", label, {"version": 1}, If_Match='"1"')
    await visitor.tell(case, "GET", f"{path}/labels")
    await visitor.tell(case, "GET", "/api/v1/prompts?label=production")
    await visitor.tell(case, "DELETE", f"{label}?reason=away")
    await visitor.tell(case, "DELETE", label)
    await visitor.tell(case, "GET", f"{path}/labels")
    await pages(visitor, case, f"{label}/history")


async def _delivery(visitor: Visitor, case: Case) -> None:
    body = {"name": "d/a", "content": CONTENT, "variables": VARIABLES, "model_settings": {"temperature": 0}}
    path = await made(visitor, case, body)
    await visitor.tell(case, "GET", "/api/v1/delivery/d/a")
    await visitor.tell(case, "PUT", f"{path}/labels/production", {"version": 1})
    heard = await visitor.tell(case, "GET", "/api/v1/delivery/d/a")
    etag = heard.headers["etag"]
    for held in (etag, f'W/{etag}, "x"', "*", '"other"'):
        await visitor.tell(case, "GET", "/api/v1/delivery/d/a", If_None_Match=held)
    await visitor.tell(case, "POST", f"{path}/versions", {"messages": MESSAGES})
    await visitor.tell(case, "PUT", f"{path}/labels/staging", {"version": 2})
    for query in ("", "?label=staging", "?version=2", "?version=1", "?label=none", "?version=9", "?raw=true"):
        await visitor.tell(case, "GET", f"/api/v1/delivery/d/a{query}")
    await visitor.tell(case, "HEAD", "/api/v1/delivery/d/a")
    await visitor.tell(case, "DELETE", path)
    await visitor.tell(case, "GET", "/api/v1/delivery/d/a")


async def _listing(visitor: Visitor, case: Case) -> None:
    await visitor.tell(case, "GET", "/api/v1/prompts")
    for number in range(7):
        tags = ["偶" if number % 2 == 0 else "奇", f"t{number % 3}"]
        body = {"name": f"{'one' if number < 4 else 'two/deep'}/p{number}", "title": f"第{number}", "tags": tags}
        await made(visitor, case, body | ({"content": f"内容{number}"} if number % 3 else {}))
    for query in ("", "?tag=%E5%81%B6", "?folder=two", "?folder=one", "?tag=t1&folder=one", "?author=nobody"):
        await pages(visitor, case, f"/api/v1/prompts{query}", size=3)


async def _idempotency(visitor: Visitor, case: Case) -> None:
    body = {"name": "i", "content": "一"}
    for sent in (body, body, {"name": "i", "content": "二"}):
        await visitor.tell(case, "POST", "/api/v1/prompts", sent, Idempotency_Key="golden-key-1")
    await visitor.tell(case, "POST", "/api/v1/prompts", body, Idempotency_Key="golden-key-2")
    key = {"name": "k", "scopes": ["read"]}
    for _ in range(2):
        await visitor.tell(case, "POST", "/api/v1/api-keys", key, Idempotency_Key="golden-key-3")
    lint = {"content": "你是客服。"}
    for _ in range(2):
        await visitor.tell(case, "POST", "/api/v1/lint", lint, Idempotency_Key="golden-key-4")
    for _ in range(2):
        await visitor.tell(
            case, "POST", "/api/v1/requirements", {"description": "客服"}, Idempotency_Key="golden-key-5"
        )


async def _from_run(visitor: Visitor, case: Case) -> None:
    body = {"kind": "generate", "input": {"description": "周报助手，每节不超过5条", "max_tokens": 8000}}
    run = await visitor.run(case, "/api/v1/runs", body)
    path = await made(visitor, case, {"name": "g", "from_run": run["id"], "variables": VARIABLES[:1]})
    await visitor.tell(case, "POST", f"{path}/versions", {"from_run": run["id"]})
    made_of = {"prompt_id": path.rpartition("/")[2], "version": 1}
    assessed = await visitor.run(case, "/api/v1/assessments", made_of)
    for fresh in (False, True):
        await visitor.run(case, "/api/v1/assessments", made_of | {"fresh": fresh})
    await visitor.tell(case, "POST", f"{path}/versions", {"from_run": assessed["id"]})
    await visitor.tell(case, "GET", f"/api/v1/runs/{run['id']}")
    await visitor.tell(case, "POST", f"/api/v1/runs/{run['id']}/cancel")
    await visitor.tell(case, "GET", f"/api/v1/runs/{run['id']}/events", Last_Event_ID="999999999999")
    for query in ("?kind=assess", "?state=failed", "?kind=generate&state=succeeded"):
        await pages(visitor, case, f"/api/v1/runs{query}", size=1)


FLOWS: dict[str, Callable[[Visitor, Case], Awaitable[None]]] = {
    "life": _life,
    "versions": _versions,
    "rendering": _rendering,
    "labels": _labels,
    "delivery": _delivery,
    "listing": _listing,
    "idempotency": _idempotency,
    "from-run": _from_run,
}
